/** Planning a case's memory: that a large model's cases fit, and what is told where one does not. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { expect, onTestFinished, test } from 'vitest';
import type { PlainConvUnetConfig } from '../network/networkConfig.ts';
import { scaleAndShift } from '../volume/affine.ts';
import { voxelCount, type Xyz } from '../volume/volume.ts';
import { CapTooSmallError, MemoryPlanner } from './memoryPlan.ts';
import { NnunetScan } from './nnunet/nnunetScan.ts';
import type { NnunetPreprocessing } from './nnunet/preprocessing.ts';

test('a network of TotalSegmentator’s size takes less than 2 GiB for 600 slices, no more than for 400', async () => {
  const gpu = await openGpu();
  onTestFinished(() => gpu.close());
  const filters = [32, 64, 128, 256, 320, 320];
  const network: PlainConvUnetConfig = {
    architecture: 'PlainConvUNet',
    inputChannels: 1,
    classes: 118,
    filters,
    kernels: filters.map((): Dhw => [3, 3, 3]),
    strides: filters.map((_, stage): Dhw => (stage === 0 ? [1, 1, 1] : [2, 2, 2])),
    transposedBias: true,
    convolutions: filters.map(() => 2),
    decoderConvolutions: filters.slice(1).map(() => 2),
  };
  const resampler = { orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 } as const;
  const preprocessing: NnunetPreprocessing = {
    reorient: true,
    transposeForward: [0, 1, 2],
    spacingMm: [1.5, 1.5, 1.5],
    channels: [{ scheme: 'NoNormalization' }],
    dataResampling: { ...resampler, order: 3 },
    logitsResampling: { ...resampler, order: 1 },
  };
  const planner = new MemoryPlanner(gpu, { network, patch: [128, 128, 128], activation: 'f16', models: 1 });
  const [peak400, peak600] = [400, 600].map((slices) => {
    const shape: Xyz = [512, 512, slices];
    const spacingMm: Xyz = [0.8, 0.8, 1];
    const data = new Uint8Array(voxelCount(shape)).fill(1);
    const scan = new NnunetScan(
      [{ shape, affine: scaleAndShift(spacingMm, [0, 0, 0]), data }],
      spacingMm,
      preprocessing,
    );
    return planner.peakBytes({ ...scan.request(), windowStep: 0.5 }, 1, { logits: 'f16', strips: 4 });
  });
  expect(peak600).toBeLessThan(2 ** 31);
  expect(peak600! - peak400!).toBeLessThan(4 * 2 ** 20);
});

test('a cap that is too small is told with the one that would do, if there is one', () => {
  expect(new CapTooSmallError(2 ** 20, 3.5 * 2 ** 20).message).toBe(
    '1 MiB of GPU memory cannot hold one window; 4 MiB can',
  );
  expect(new CapTooSmallError(2 ** 20, Number.POSITIVE_INFINITY).message).toBe(
    '1 MiB of GPU memory cannot hold one window; its buffers would be larger than the adapter allows',
  );
});
