/** Planning a case's memory: that a large model's cases fit, and what is told where one does not. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { expect, onTestFinished, test } from 'vitest';
import type { PlainConvUnetConfig } from '../network/networkConfig.ts';
import { scaleAndShift } from '../volume/affine.ts';
import type { Xyz } from '../volume/volume.ts';
import { CapTooSmallError, MemoryPlanner } from './memoryPlan.ts';
import { plannedRequest } from './nnunet/nnunetScan.ts';
import type { NnunetPreprocessing } from './nnunet/preprocessing.ts';

const SPACING_MM: Xyz = [0.8, 0.8, 1];

test.each(['f16', 'f32'] as const)(
  'a network of TotalSegmentator’s size in %s takes less than 2 GiB for 600 slices, no more than for 400',
  async (activation) => {
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
    const planner = new MemoryPlanner(gpu, { network, patch: [128, 128, 128], activation, models: 1 });
    const request = (slices: number) => {
      const grid = { shape: [512, 512, slices] as const, affine: scaleAndShift(SPACING_MM, [0, 0, 0]) };
      return { ...plannedRequest(grid, SPACING_MM, preprocessing), windowStep: 0.5 };
    };
    const plan = planner.plan(request(600), 2 ** 31);
    expect(plan).toMatchObject({ logits: 'f16', classesAtOnce: 32, strips: activation === 'f16' ? 2 : 4 });
    expect(planner.peakBytes(request(400), plan)).toBeGreaterThan(plan.peakBytes - 4 * 2 ** 20);
  },
);

test('a cap that is too small is told with the one that would do, if there is one', () => {
  expect(new CapTooSmallError(2 ** 20, 3.5 * 2 ** 20).message).toBe(
    '1 MiB of GPU memory cannot hold one window; 4 MiB can',
  );
  expect(new CapTooSmallError(2 ** 20, Number.POSITIVE_INFINITY).message).toBe(
    '1 MiB of GPU memory cannot hold one window; its buffers would be larger than the adapter allows',
  );
});
