/** Scans on nnU-Net's way through the stream of slabs, against the same way on whole arrays in float64. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { NOT_MIRRORED } from '@organseg/kernels/ops/accumulateWindow.ts';
import { type Reference, reference } from '@organseg/kernels/reference/array.ts';
import { cutWindow } from '@organseg/kernels/reference/cutWindow.ts';
import { downloadF32, upload } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepared } from '../../../test/twinNnunet.ts';
import { networkLayout } from '../../network/network.ts';
import type { NetworkConfig } from '../../network/networkConfig.ts';
import { initialise } from '../../network/parameters.ts';
import { Random } from '../../random.ts';
import { affineFromRows } from '../../volume/affine.ts';
import { type Volume, voxelCount, type Xyz } from '../../volume/volume.ts';
import { Networks } from '../networks.ts';
import { SlabStream, type StreamPlan } from '../slabStream.ts';
import { NnunetScan } from './nnunetScan.ts';
import type { NnunetPreprocessing, Normalisation } from './preprocessing.ts';

const PATCH: Dhw = [4, 8, 8];
const CLASSES = 3;
const RESAMPLER = { orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 } as const;
const CT: Normalisation = { scheme: 'CTNormalization', low: -300, high: 250, mean: 30, std: 70 };
const Z_SCORE: Normalisation = { scheme: 'ZScoreNormalization', useMask: false };
const MASKED: Normalisation = { scheme: 'ZScoreNormalization', useMask: true };

interface Case {
  readonly name: string;
  /** x, y, z; the axes run to the left, the feet and the front. */
  readonly shape: Xyz;
  readonly spacingMm: Xyz;
  /** Of the network's grid, D, H, W. */
  readonly toMm: Dhw;
  readonly channels: readonly Normalisation[];
  readonly reorient?: boolean;
  readonly transposeForward?: readonly [number, number, number];
  readonly regions?: readonly number[];
  readonly strips?: number;
  /** The value at a voxel, given a number in [0, 1) that differs from voxel to voxel; by channel. */
  readonly value?: (random: number, x: number, y: number, z: number, channel: number) => number;
}

const CASES: Case[] = [
  {
    name: 'finer along D, coarser along W, turned',
    shape: [17, 9, 14],
    spacingMm: [1, 1.6, 1.5],
    toMm: [1.1, 1.5, 1.4],
    channels: [CT],
    reorient: true,
    strips: 2,
  },
  { name: 'as it is', shape: [9, 10, 5], spacingMm: [1, 1, 1], toMm: [1, 1, 1], channels: [CT] },
  {
    name: 'one slice, smaller than the patch',
    shape: [7, 6, 1],
    spacingMm: [1, 1, 5],
    toMm: [4, 1.2, 0.9],
    channels: [CT],
  },
  {
    name: 'two axes of one voxel',
    shape: [1, 13, 1],
    spacingMm: [2, 2, 2],
    toMm: [1, 1.7, 2.5],
    channels: [Z_SCORE],
  },
  {
    name: 'coarse along z, which is D',
    shape: [11, 12, 5],
    spacingMm: [1, 1.1, 4.5],
    toMm: [3.1, 1.3, 1],
    channels: [CT],
    regions: [5, 2, 7],
  },
  {
    name: 'coarse along z, which is H',
    shape: [11, 10, 6],
    spacingMm: [1, 1, 4],
    toMm: [1.2, 3.4, 0.8],
    channels: [CT, Z_SCORE],
    transposeForward: [1, 0, 2],
  },
  {
    name: 'coarse along x, which is W, to a grid that is coarse there too, turned',
    shape: [5, 12, 13],
    spacingMm: [6, 1, 1],
    toMm: [0.9, 1.2, 8],
    channels: [MASKED],
    transposeForward: [1, 0, 2],
    reorient: true,
    value: (random, x, y) => (x === 2 || y < 2 ? 0 : random * 900),
  },
  {
    name: 'margins and holes of 0, two channels, transposed',
    shape: [14, 13, 12],
    spacingMm: [1, 1, 1],
    toMm: [1.2, 0.9, 1.1],
    channels: [MASKED, { scheme: 'RescaleTo01Normalization' }],
    transposeForward: [2, 0, 1],
    regions: [1, 2, 3],
    value: (random, x, y, z, channel) => {
      const isBody = x > 2 && x < 12 && y > 0 && y < 11 && z > 3;
      const isHole = x > 5 && x < 8 && y > 4 && y < 8 && z > 6 && z < 9;
      const isOpen = x > 8 && x < 11 && y > 4 && y < 8; // to the side of z
      return isBody && !isHole && !isOpen ? 100 * (1 + channel) + 50 * random : 0;
    },
  },
  {
    name: 'all 0',
    shape: [9, 8, 7],
    spacingMm: [1, 1, 1],
    toMm: [1.3, 1, 0.8],
    channels: [MASKED, Z_SCORE, { scheme: 'RescaleTo01Normalization' }, { scheme: 'NoNormalization' }],
    value: () => 0,
  },
  {
    name: 'many slices, the first planes of which are let go before the last come',
    shape: [6, 71, 7],
    spacingMm: [1, 1, 1],
    toMm: [1, 1.3, 1.2],
    channels: [CT, Z_SCORE],
    reorient: true,
    strips: 2,
  },
  {
    name: 'of bytes, with the least spacing in halves',
    shape: [10, 5, 9],
    spacingMm: [0.5, 0.5, 0.5],
    toMm: [1, 1, 1],
    channels: [{ scheme: 'RGBTo01Normalization' }],
    value: (random) => Math.floor(random * 256),
  },
];

function scanOf({ shape, spacingMm: [sx, sy, sz], channels, value }: Case): Volume<Float32Array>[] {
  const affine = affineFromRows([
    [-sx, 0, 0, 30],
    [0, 0, sz, -40],
    [0, -sy, 0, 20],
  ]);
  const random = new Random(3);
  return channels.map((_, channel) => {
    const data = Float32Array.from({ length: voxelCount(shape) }, (_, i) => {
      const [x, y, z] = [
        i % shape[0],
        Math.floor(i / shape[0]) % shape[1],
        Math.floor(i / shape[0] / shape[1]),
      ];
      const draw = random.uniform();
      return value ? value(draw, x, y, z, channel) : -500 + 900 * draw;
    });
    return { shape, affine, data };
  });
}

const preprocessingOf = ({
  channels,
  toMm,
  reorient = false,
  transposeForward,
}: Case): NnunetPreprocessing => ({
  reorient,
  transposeForward: transposeForward ?? [0, 1, 2],
  spacingMm: toMm,
  channels,
  dataResampling: { ...RESAMPLER, order: 3 },
  logitsResampling: { ...RESAMPLER, order: 1 },
});

describe('a scan on nnU-Net’s way', () => {
  let gpu: Gpu;
  /** Whose slabs are of a few planes. */
  let small: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
    small = await openGpu({ maxBindingBytes: 4096 });
  });
  afterAll(() => {
    gpu.close();
    small.close();
  });

  const networkOf = (inputChannels: number): NetworkConfig => ({
    architecture: 'DynUNet',
    residual: true,
    transposedBias: false,
    inputChannels,
    classes: CLASSES,
    filters: [4, 4],
    kernels: [
      [3, 3, 3],
      [1, 3, 3],
    ],
    strides: [
      [1, 1, 1],
      [1, 2, 2],
    ],
  });

  function networksOf(inputChannels: number): Networks {
    const network = networkOf(inputChannels);
    const layout = networkLayout(network);
    const parameters = layout.allocate(gpu);
    layout.upload(gpu, parameters, initialise(layout, new Random(5)));
    return new Networks(gpu, network, { layout, parameters, activation: 'f32' }, { patch: PATCH });
  }

  async function inputOf(scan: NnunetScan, on: Gpu, channels: number): Promise<Float32Array[]> {
    const voxels = scan.geometry.network.reduce((a, b) => a * b, 1);
    const inputs = Array.from({ length: channels }, () => new Float32Array(voxels).fill(777));
    await scan.prepare(on, (first, values, channel) => inputs[channel]!.set(values, first));
    return inputs;
  }

  /** Mean logits by output channel, of the windows that nnU-Net looks at: each voxel's are weighed by a Gaussian in half precision. */
  async function logitsOf(networks: Networks, inputs: readonly Reference[]): Promise<Reference[]> {
    const size = inputs[0]!.shape as unknown as Dhw;
    const starts = size.map((n, axis) => {
      const patch = PATCH[axis]!;
      if (n < patch) return [-Math.floor((patch - n) / 2)];
      const count = Math.ceil((n - patch) / (patch / 2)) + 1;
      // Steps of this size have no halves but those that are exact.
      return Array.from({ length: count }, (_, i) => {
        const start = count === 1 ? 0 : (i * (n - patch)) / (count - 1);
        return start % 1 === 0.5 ? 2 * Math.round(start / 2) : Math.round(start);
      });
    });
    const rounded = (at: readonly number[]) => {
      const squares = at.map((index, axis) => ((index - PATCH[axis]! / 2) / (PATCH[axis]! / 8)) ** 2);
      return Math.f16round(10 * Math.exp(-squares.reduce((sum, each) => sum + each) / 2));
    };
    const inPatch = Array.from({ length: 256 }, (_, i) => [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8]);
    const least = Math.min(...inPatch.map(rounded).filter((weight) => weight > 0));
    const weightAt = (at: readonly number[]) => rounded(at) || least;
    const sums = Array.from({ length: CLASSES }, () => reference(size));
    const total = reference(size);
    for (const d of starts[0]!)
      for (const h of starts[1]!)
        for (const w of starts[2]!) {
          const windows = inputs.map((input) => cutWindow(input, PATCH, [d, h, w], NOT_MIRRORED).data);
          const values = windows[0]!.length * windows.length;
          const interleaved = Float32Array.from(
            { length: values },
            (_, i) => windows[i % windows.length]![Math.floor(i / windows.length)]!,
          );
          upload(gpu, networks.image, interleaved);
          networks.run();
          const logits = await downloadF32(gpu, networks.logits);
          windows[0]!.forEach((_, i) => {
            const at = inPatch[i]!;
            const [z, y, x] = [d + at[0]!, h + at[1]!, w + at[2]!];
            if (z < 0 || z >= size[0] || y < 0 || y >= size[1] || x < 0 || x >= size[2]) return;
            const weight = weightAt(at);
            const voxel = (z * size[1] + y) * size[2] + x;
            total.data[voxel]! += weight;
            sums.forEach(({ data }, c) => {
              data[voxel]! += weight * logits[i * CLASSES + c]!;
            });
          });
        }
    for (const { data } of sums)
      data.forEach((sum, voxel) => {
        data[voxel] = sum / total.data[voxel]!;
      });
    return sums;
  }

  test.each(CASES)('$name', async (each) => {
    const { spacingMm, shape, channels, regions, strips = 1 } = each;
    const preprocessing = preprocessingOf(each);
    const volumes = scanOf(each);
    const [x, y, z] = spacingMm;
    const twin = prepared(volumes, { ofScan: [x, y, z], ofRas: [x, z, y] }, preprocessing);
    const scan = new NnunetScan(volumes, spacingMm, preprocessing);
    expect(scan.geometry.network).toEqual(twin.inputs[0]!.shape);

    const inputs = await inputOf(scan, gpu, channels.length);
    inputs.forEach((values, channel) => {
      const exact = twin.inputs[channel]!.data;
      const differences = values.map((value, i) => Math.abs(value - exact[i]!));
      expect(Math.max(...differences), `channel ${channel}`).toBeLessThan(1e-5);
    });
    // However small the slabs are, it is the same to the bit.
    expect(await inputOf(scan, small, channels.length)).toEqual(inputs);

    const networks = networksOf(channels.length);
    const expected = twin.labelsOf(await logitsOf(networks, twin.inputs), regions);
    const request = { ...scan.request(regions), windowStep: 0.5 };
    const plan: StreamPlan = { logits: 'f32', strips };
    const labels = scan.labels();
    const stream = new SlabStream(gpu, networks, request, plan);
    await stream.run(scan, labels);
    stream.close();
    const wrong = labels.volume.data.filter((label, i) => label !== expected[i]).length;
    expect(wrong, `labels of ${voxelCount(shape)}`).toBe(0);
    const voxels = scan.geometry.network.reduce((a, b) => a * b, 1);
    expect(labels.voxels.reduce((a, b) => a + b, 0)).toBe(voxels);
    networks.close();
  });

  test('takes GPU memory that does not grow with its slices', async () => {
    const peak = async (slices: number) => {
      const counting = gpu.rehearsal();
      const shape: Xyz = [512, 256, slices];
      const affine = affineFromRows([
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
      ]);
      const scan = { shape, affine, data: new Uint8Array(voxelCount(shape)).fill(1) };
      const preprocessing = preprocessingOf({
        name: '',
        shape,
        spacingMm: [1, 1, 1],
        toMm: [1.1, 0.8, 1],
        channels: [CT],
      });
      await new NnunetScan([scan], [1, 1, 1], preprocessing).prepare(counting, () => {});
      return counting.arena.account.peakHeldBytes;
    };
    // The bounds of each plane are what grows: 8 bytes.
    expect((await peak(90)) - (await peak(70))).toBeLessThan(8192);
  });

  test('voxels that are not finite are air in CT and 0 in other channels, and are counted', async () => {
    const data = [CT, Z_SCORE].map(() =>
      Float32Array.from([1, Number.NaN, 3, Number.NEGATIVE_INFINITY, 5, 6]),
    );
    const affine = affineFromRows([
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ]);
    const shape: Xyz = [6, 1, 1];
    const channels = data.map((values) => ({ shape, affine, data: values }));
    const preprocessing = preprocessingOf({
      name: '',
      shape,
      spacingMm: [1, 1, 1],
      toMm: [1, 1, 1],
      channels: [CT, Z_SCORE],
    });
    const scan = new NnunetScan(channels, [1, 1, 1], preprocessing);
    expect(scan.nonFiniteVoxels).toBe(4);
    expect(data.map((values) => Array.from(values))).toEqual([
      [1, -1024, 3, -1024, 5, 6],
      [1, 0, 3, 0, 5, 6],
    ]);
  });
});
