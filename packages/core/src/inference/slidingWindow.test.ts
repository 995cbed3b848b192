/** The sliding window against the plain way: the logits of all windows, blended on the host. */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import { IGNORED, PSEUDO } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { downloadF32, upload } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inferenceProgram } from '../network/inferenceProgram.ts';
import { networkLayout, recordNetwork } from '../network/network.ts';
import type { NetworkConfig } from '../network/networkConfig.ts';
import { initialise } from '../network/parameters.ts';
import { Random } from '../random.ts';
import { SlidingWindow } from './slidingWindow.ts';
import { windowStarts } from './windows.ts';

const cube = (n: number) => [n, n, n] as const;
const NETWORK: NetworkConfig = {
  architecture: 'DynUNet',
  residual: true,
  transposedBias: false,
  inputChannels: 1,
  classes: 4,
  filters: [4, 8],
  kernels: [cube(3), cube(3)],
  strides: [cube(1), cube(2)],
};
const PATCH: Dhw = [8, 12, 16];

/** A box of [D, H, W] values that may reach beyond them; there it holds 0. */
function cut(values: Float32Array, size: Dhw, from: Dhw, box: Dhw): Float32Array {
  const result = new Float32Array(box[0] * box[1] * box[2]);
  const first = Math.max(0, -from[2]);
  const last = Math.min(box[2], size[2] - from[2]);
  if (first >= last) return result;
  for (let d = Math.max(0, -from[0]); d < Math.min(box[0], size[0] - from[0]); d++)
    for (let h = Math.max(0, -from[1]); h < Math.min(box[1], size[1] - from[1]); h++) {
      const source = ((from[0] + d) * size[1] + from[1] + h) * size[2] + from[2];
      result.set(values.subarray(source + first, source + last), (d * box[1] + h) * box[2] + first);
    }
  return result;
}

describe('a sliding window', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  function network() {
    const recorded = recordNetwork(NETWORK, 1, PATCH);
    const layout = networkLayout(NETWORK);
    const parameters = layout.allocate(gpu);
    layout.upload(gpu, parameters, initialise(layout, new Random(5)));
    return { recorded, memory: { layout, parameters, activation: 'f32' as const } };
  }

  /** The plain way: logits of all windows blended on the host, in double precision. */
  async function blended(image: Float32Array, size: Dhw, step: number) {
    const { recorded, memory } = network();
    const program = inferenceProgram(gpu, recorded, memory);
    const padded = dhw((i) => Math.max(size[i]!, PATCH[i]!));
    const before = dhw((i) => Math.floor((padded[i]! - size[i]!) / 2));
    const sums = new Float64Array(padded[0] * padded[1] * padded[2] * 4);
    const weights = new Float64Array(padded[0] * padded[1] * padded[2]);
    const weight = (i: number, n: number) => Math.exp(-0.5 * ((i - (n - 1) / 2) / (n / 8)) ** 2);
    const [ds, hs, ws] = size.map((n, i) => windowStarts(n, PATCH[i], step));
    for (const d0 of ds)
      for (const h0 of hs)
        for (const w0 of ws) {
          upload(
            gpu,
            program.image,
            cut(image, size, [d0 - before[0], h0 - before[1], w0 - before[2]], PATCH),
          );
          program.run();
          const z = await downloadF32(gpu, program.logits);
          for (let d = 0; d < PATCH[0]; d++)
            for (let h = 0; h < PATCH[1]; h++)
              for (let w = 0; w < PATCH[2]; w++) {
                const at = ((d0 + d) * padded[1] + h0 + h) * padded[2] + w0 + w;
                const from = (d * PATCH[1] + h) * PATCH[2] + w;
                const share = weight(d, PATCH[0]) * weight(h, PATCH[1]) * weight(w, PATCH[2]);
                weights[at] += share;
                for (let c = 0; c < 4; c++) sums[4 * at + c] += share * z[4 * from + c];
              }
        }
    program.close();
    const labels = new Uint8Array(size[0] * size[1] * size[2]);
    const margins = new Float64Array(labels.length);
    const probabilities = new Float64Array(labels.length);
    for (let i = 0; i < labels.length; i++) {
      const [d, h, w] = [Math.floor(i / (size[1] * size[2])), Math.floor(i / size[2]) % size[1], i % size[2]];
      const at = ((d + before[0]) * padded[1] + h + before[1]) * padded[2] + w + before[2];
      const values = Array.from(sums.subarray(4 * at, 4 * at + 4), (sum) => sum / weights[at]);
      labels[i] = values.indexOf(Math.max(...values));
      probabilities[i] = 1 / values.reduce((sum, z) => sum + Math.exp(z - values[labels[i]]), 0);
      const [first, second] = values.sort((a, b) => b - a);
      margins[i] = (first - second) / Math.max(...values.map(Math.abs));
    }
    return { labels, margins, probabilities };
  }

  test.each([
    [[8, 12, 16], 0.5],
    [[13, 25, 19], 0.5],
    [[20, 14, 33], 0.7],
    [[3, 30, 17], 0.5],
    [[1, 5, 7], 0.5],
  ] as [Dhw, number][])('a volume of %j with step %f: as the plain way', async (size, step) => {
    const random = new Random(8);
    const data = Float32Array.from({ length: size[0] * size[1] * size[2] }, () => random.uniform());
    const { memory } = network();
    let done = 0;
    const sliding = new SlidingWindow(gpu, NETWORK, memory, { patch: PATCH, windowStep: step });
    const labels = await sliding.labels({ size, data }, (share) => {
      done = share;
    });
    const again = await sliding.labels({ size, data });
    // About what labels of four classes have before any training.
    const least = [0.3, 0.3, 0, 0.3];
    const pseudo = await sliding.pseudoLabels({ size, data }, least);
    sliding.close();
    const { labels: expected, margins, probabilities } = await blended(data, size, step);
    expect(done).toBe(1);
    expect(again).toEqual(labels);
    expect(new Set(expected).size).toBeGreaterThan(1);
    labels.forEach((label, i) => {
      if (margins[i] > 1e-5) expect(label, `voxel ${i}`).toBe(expected[i]);
    });
    expect(new Set(pseudo.map((label) => (label === IGNORED ? 1 : 0))).size).toBe(2);
    pseudo.forEach((label, i) => {
      const sure = probabilities[i] - least[labels[i]];
      if (Math.abs(sure) > 1e-5) expect(label, `voxel ${i}`).toBe(sure < 0 ? IGNORED : labels[i] | PSEUDO);
    });
  });

  test('air, which is not looked at, is background among pseudo-labels too', async () => {
    const size: Dhw = [8, 12, 48];
    const random = new Random(8);
    // The first of three windows holds a body.
    const data = Float32Array.from({ length: 8 * 12 * 48 }, (_, i) => (i % 48 < 16 ? random.uniform() : 0));
    const sliding = new SlidingWindow(gpu, NETWORK, network().memory, { patch: PATCH, windowStep: 1 });
    const labels = await sliding.pseudoLabels({ size, data }, [1, 1, 1, 1]);
    sliding.close();
    expect(labels).toEqual(Uint8Array.from(labels, (_, i) => (i % 48 < 16 ? IGNORED : PSEUDO)));
  });

  test.each([
    [100, 32, 0.5, [0, 14, 27, 41, 54, 68]],
    [64, 32, 0.5, [0, 16, 32]],
    [33, 32, 0.5, [0, 1]],
    [32, 32, 0.5, [0]],
    [10, 32, 0.5, [0]],
    [96, 32, 1, [0, 32, 64]],
  ])('windows over %i voxels of %i at step %f', (size, patch, step, starts) => {
    expect(windowStarts(size, patch, step)).toEqual(starts);
  });
});
