/** Streaming equals the plain way: the logits of the whole volume at once, blended on the host in double precision. */
import { type Dhw, dhwOfList } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import type { Mirrored } from '@organseg/kernels/ops/accumulateWindow.ts';
import { type AxisMaps, linearTable } from '@organseg/kernels/ops/resample.ts';
import { accumulateWindow } from '@organseg/kernels/reference/accumulateWindow.ts';
import { argmax } from '@organseg/kernels/reference/argmax.ts';
import { type Reference, reference } from '@organseg/kernels/reference/array.ts';
import { cutWindow } from '@organseg/kernels/reference/cutWindow.ts';
import { trilinear } from '@organseg/kernels/reference/resample.ts';
import { downloadF32, upload } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { networkLayout } from '../network/network.ts';
import type { NetworkConfig } from '../network/networkConfig.ts';
import { initialise, type NamedArrays } from '../network/parameters.ts';
import { Random } from '../random.ts';
import type { LabelGrid } from './labelSlab.ts';
import { Networks } from './networks.ts';
import { SlabStream, type StreamPlan } from './slabStream.ts';
import { mirrorings, windowOrigins, windowWeights } from './windows.ts';

const cube = (n: number): Dhw => [n, n, n];
const CLASSES = 4;
const NETWORK: NetworkConfig = {
  architecture: 'DynUNet',
  residual: true,
  transposedBias: false,
  inputChannels: 1,
  classes: CLASSES,
  filters: [4, 8],
  kernels: [cube(3), cube(3)],
  strides: [cube(1), cube(2)],
};
const PATCH: Dhw = [8, 12, 16];
const ALL_BODY = () => true;

interface Way {
  readonly step?: number;
  readonly batch?: number;
  readonly plan?: Partial<StreamPlan>;
  readonly mirrorAxes?: readonly number[];
  readonly seeds?: readonly number[];
  readonly grid?: LabelGrid;
  readonly skipEarly?: boolean;
  readonly classesAtOnce?: number;
  /** Added to the logit of background. */
  readonly bias?: number;
}

describe('a stream of slabs', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  function networks(
    batch: number,
    seeds: readonly number[],
    bias = 0,
    classesAtOnce = CLASSES,
    on = gpu,
  ): Networks {
    const layout = networkLayout(NETWORK);
    const parameters = layout.allocate(on);
    const weights = seeds.map((seed): NamedArrays => initialise(layout, new Random(seed)));
    for (const values of weights) values.get('output_block.conv.conv.bias')![0] = bias;
    layout.upload(on, parameters, weights[0]);
    return new Networks(
      on,
      NETWORK,
      { layout, parameters, activation: 'f32' },
      { patch: PATCH, batch, classesAtOnce, weights },
    );
  }

  const image = (size: Dhw): Reference => {
    const random = new Random(8);
    return reference(
      size,
      Float32Array.from({ length: size[0] * size[1] * size[2] }, () => random.uniform()),
    );
  };

  /** Mean logits of the whole volume, [D, H, W, C]. */
  async function plainLogits(volume: Reference, { step = 0.5, mirrorAxes = [], seeds = [5] }: Way) {
    const size = dhwOfList(volume.shape);
    const sums = reference([...size, CLASSES]);
    const network = networks(1, seeds);
    const ways: Mirrored[] = mirrorings(mirrorAxes);
    const origins = size.map((n, axis) => windowOrigins(n, PATCH[axis]!, step));
    const weights = origins.map((starts, axis) => {
      const table = windowWeights(size[axis]!, PATCH[axis]!, starts);
      return starts.map((_, i) => Array.from(table.subarray(i * PATCH[axis]!, (i + 1) * PATCH[axis]!)));
    });
    for (let model = 0; model < seeds.length; model++) {
      network.use(model);
      for (const [i, d] of origins[0]!.entries())
        for (const [j, h] of origins[1]!.entries())
          for (const [k, w] of origins[2]!.entries())
            for (const mirrored of ways) {
              const window = cutWindow(volume, PATCH, [d, h, w], mirrored);
              upload(gpu, network.image, Float32Array.from(window.data));
              network.run();
              const logits = reference([...PATCH, CLASSES], await downloadF32(gpu, network.logits));
              accumulateWindow(
                sums,
                logits,
                [d, h, w],
                [weights[0]![i]!, weights[1]![j]!, weights[2]![k]!],
                mirrored,
              );
            }
    }
    network.close();
    return sums;
  }

  async function streamed(volume: Reference, way: Way, hasBody: (from: Dhw, to: Dhw) => boolean = ALL_BODY) {
    const { step = 0.5, batch = 1, plan = {}, mirrorAxes = [], seeds = [5], grid } = way;
    const { skipEarly = false, bias, classesAtOnce } = way;
    const size = dhwOfList(volume.shape);
    const network = networks(batch, seeds, bias, classesAtOnce);
    const data = Float32Array.from(volume.data);
    const plane = size[1] * size[2];
    const stream = new SlabStream(
      gpu,
      network,
      { size, windowStep: step, mirrorAxes, grid, skipEarly },
      { logits: 'f32', strips: 1, ...plan },
    );
    const collect = ([D, H, W]: Dhw) => {
      const labels = new Uint8Array(D * H * W).fill(255);
      return {
        labels,
        take: (block: Parameters<Parameters<typeof stream.run>[1]['network']>[0]) => {
          const width = block.right - block.left;
          for (let z = block.from; z < block.to; z++)
            for (let y = 0; y < H; y++)
              for (let x = 0; x < width; x++) {
                const at = (z * H + y) * W + block.left + x;
                if (labels[at] !== 255) throw new Error(`voxel ${at} came twice`);
                labels[at] = block.labels[(z - block.from) * block.planeStride + y * width + x]!;
              }
        },
      };
    };
    const own = collect(size);
    const onGrid = collect(grid?.size ?? [0, 0, 0]);
    let share = 0;
    const counts = await stream.run(
      {
        readPlanes: (from, to, values) => values.set(data.subarray(from * plane, to * plane)),
        hasBody,
      },
      { network: own.take, resampled: onGrid.take },
      {
        onShare: (done) => {
          expect(done).toBeGreaterThanOrEqual(share);
          share = done;
        },
      },
    );
    expect(share).toBe(1);
    stream.close();
    network.close();
    return { labels: own.labels, onGrid: onGrid.labels, counts };
  }

  /** Equal but where the two largest logits are, relative to the largest of all. */
  function expectLabels(labels: Uint8Array, logits: Reference, tolerance = 1e-5) {
    const expected = argmax(logits);
    expect(new Set(expected).size).toBeGreaterThan(1);
    const largest = logits.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    let ties = 0;
    labels.forEach((label, i) => {
      if (label === expected[i]) return;
      const values = logits.data.subarray(i * CLASSES, (i + 1) * CLASSES);
      expect(values[expected[i]!]! - values[label]!, `voxel ${i}`).toBeLessThan(tolerance * largest);
      ties++;
    });
    expect(ties).toBeLessThan(labels.length / 100);
  }

  test.each(['compiles', 'computes'])(
    'is stopped while the driver %s, though that never ends',
    async (what) => {
      const other = await openGpu();
      const stop = new AbortController();
      const never = () => {
        setTimeout(() => stop.abort(new Error('enough')));
        return new Promise<never>(() => {});
      };
      if (what === 'compiles') other.device.createComputePipelineAsync = never;
      else other.device.queue.onSubmittedWorkDone = never;
      const network = networks(1, [5], 0, CLASSES, other);
      const stream = new SlabStream(
        other,
        network,
        { size: PATCH, windowStep: 1 },
        { logits: 'f32', strips: 1 },
      );
      const source = {
        readPlanes: (_: number, __: number, values: Float32Array) => values.fill(0),
        hasBody: ALL_BODY,
      };
      const sink = { network: () => {}, resampled: () => {} };
      await expect(stream.run(source, sink, { signal: stop.signal })).rejects.toThrow('enough');
      stream.close();
      network.close();
      other.close();
    },
  );

  test.each([
    { size: [1, 13, 17], way: { batch: 3 } },
    { size: [2, 5, 40], way: { plan: { strips: 2 } } },
    { size: [7, 12, 19], way: { mirrorAxes: [0, 2], batch: 2 } },
    { size: [9, 25, 16], way: { seeds: [5, 6] } },
    { size: [20, 13, 33], way: { plan: { strips: 3 }, batch: 2, mirrorAxes: [1] } },
    { size: [37, 14, 35], way: { step: 0.7, batch: 4, plan: { logits: 'f16' } } },
    { size: [41, 12, 18], way: { step: 1 } },
  ] as { size: Dhw; way: Way }[])('$size, $way: as the plain way', async ({ size, way }) => {
    const volume = image(size);
    const { labels, counts } = await streamed(volume, way);
    expect(counts.air).toBe(0);
    expectLabels(labels, await plainLogits(volume, way), way.plan?.logits === 'f16' ? 5e-3 : 1e-5);
  });

  test.each([
    { size: [13, 14, 19], to: [29, 9, 43], plan: { strips: 2 } },
    { size: [19, 5, 17], to: [7, 12, 17], plan: {} },
    { size: [1, 13, 30], to: [3, 13, 11], plan: { strips: 3 } },
  ] as { size: Dhw; to: Dhw; plan: Partial<StreamPlan> }[])(
    'logits of $size interpolated on $to: as the plain way',
    async ({ size, to, plan }) => {
      const maps = size.map((n, axis) => {
        const scale = n / to[axis]!;
        return { scale, offset: (n - 1) / 2 - (scale * (to[axis]! - 1)) / 2 };
      }) as unknown as AxisMaps;
      const table = (axis: 0 | 1 | 2) => linearTable(maps[axis], size[axis], to[axis]);
      const volume = image(size);
      const way: Way = { plan, grid: { size: to, tables: [table(0), table(1), table(2)] } };
      const { onGrid, labels } = await streamed(volume, way);
      const logits = await plainLogits(volume, way);
      expectLabels(labels, logits);
      const interpolated = reference([...to, CLASSES]);
      for (let c = 0; c < CLASSES; c++) {
        const channel = reference(
          size,
          logits.data.filter((_, i) => i % CLASSES === c),
        );
        trilinear(channel, to, maps).data.forEach((value, i) => {
          interpolated.data[i * CLASSES + c] = value;
        });
      }
      expectLabels(onGrid, interpolated);
    },
  );

  test.each([1, 2, 3])(
    'logits of %i classes at once give the labels that all at once give',
    async (classesAtOnce) => {
      const volume = image([9, 14, 30]);
      const way: Way = { batch: 2, mirrorAxes: [1], seeds: [5, 6], plan: { strips: 2 } };
      const { labels } = await streamed(volume, way);
      expect(new Set(labels).size).toBeGreaterThan(2);
      expect((await streamed(volume, { ...way, classesAtOnce })).labels).toEqual(labels);
    },
  );

  test('windows of air are skipped; where body is, labels are the same', async () => {
    const size: Dhw = [20, 30, 40];
    const volume = image(size);
    // Body in one corner alone.
    const isBody = (z: number, y: number, x: number) => z < 12 && y < 10 && x < 14;
    for (let i = 0; i < volume.data.length; i++)
      if (!isBody(Math.floor(i / 1200), Math.floor(i / 40) % 30, i % 40)) volume.data[i] = 0;
    const hasBody = (from: Dhw) => isBody(from[0], from[1], from[2]);
    const all = await streamed(volume, { batch: 3 });
    const { labels, counts } = await streamed(volume, { batch: 3 }, hasBody);
    expect(counts).toEqual({ all: 4 * 4 * 4, air: 64 - 3 * 2 * 2, early: 0 });
    const differs = labels.findIndex(
      (label, i) => label !== all.labels[i] && isBody(Math.floor(i / 1200), Math.floor(i / 40) % 30, i % 40),
    );
    expect(differs).toBe(-1);
    expect(labels.at(-1)).toBe(0);
  });

  test('skipped early: the windows around a middle one without foreground, and no others', async () => {
    const volume = image([20, 30, 40]); // 4 × 4 × 4 windows
    const plain = await streamed(volume, { batch: 3 });
    const careful = await streamed(volume, { batch: 3, skipEarly: true });
    expect(careful.counts).toEqual({ all: 64, air: 0, early: 0 });
    expect(careful.labels).toEqual(plain.labels);
    const empty = await streamed(volume, { batch: 3, skipEarly: true, bias: 1e3, seeds: [5, 6] });
    expect(empty.counts).toEqual({ all: 64, air: 0, early: 4 * (16 - 3) });
    expect(empty.labels.every((label) => label === 0)).toBe(true);
  });

  test('memory does not grow with the number of slices', async () => {
    const held = (slices: number) => {
      const rehearsal = gpu.rehearsal();
      const layout = networkLayout(NETWORK);
      const parameters = layout.allocate(rehearsal);
      const network = new Networks(
        rehearsal,
        NETWORK,
        { layout, parameters, activation: 'f32' },
        { patch: PATCH },
      );
      new SlabStream(
        rehearsal,
        network,
        { size: [slices, 300, 300], windowStep: 0.5 },
        { logits: 'f32', strips: 1 },
      );
      return rehearsal.arena.account.peakHeldBytes;
    };
    expect(held(2000) / held(200)).toBeLessThan(1.001);
  });
});
