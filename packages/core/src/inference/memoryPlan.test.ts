/** Planning a case's memory: that a large model's cases fit, and what is told where one does not. */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { expect, onTestFinished, test } from 'vitest';
import type { DynUnetConfig, PlainConvUnetConfig } from '../network/networkConfig.ts';
import { Random } from '../random.ts';
import { scaleAndShift } from '../volume/affine.ts';
import { type Box, type Xyz, xyz } from '../volume/volume.ts';
import { caseGeometry } from './caseGeometry.ts';
import { CapTooSmallError, MemoryPlanner } from './memoryPlan.ts';
import { plannedRequest } from './nnunet/nnunetScan.ts';
import type { NnunetPreprocessing } from './nnunet/preprocessing.ts';
import { caseRequest } from './scanStream.ts';

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

test('no part of a scan takes more than the most that is told of all of it', async () => {
  const gpu = await openGpu();
  onTestFinished(() => gpu.close());
  const network: DynUnetConfig = {
    architecture: 'DynUNet',
    residual: true,
    inputChannels: 1,
    classes: 14,
    filters: [8, 16],
    kernels: [dhw(() => 3), dhw(() => 3)],
    strides: [dhw(() => 1), dhw(() => 2)],
    transposedBias: false,
  };
  const planner = new MemoryPlanner(gpu, { network, patch: [32, 40, 56], activation: 'f32', models: 1 });
  const shape: Xyz = [122, 101, 30];
  const grid = { shape, affine: scaleAndShift([3, 3, 3], [0, 0, 0]) };
  const preprocessing = {
    spacingMm: [5, 5, 5],
    intensity: { low: -300, high: 500, outside: 'clip' },
  } as const;
  const request = (body: Box | null) => ({
    ...caseRequest(caseGeometry(grid, body, preprocessing.spacingMm), preprocessing, 'logits'),
    windowStep: 0.5,
  });
  const random = new Random(5);
  const bodies = Array.from({ length: 40 }, (): Box => {
    const ends = shape.map((n) => [random.uniform(0, n / 4), random.uniform((3 * n) / 4, n)].map(Math.floor));
    return { min: xyz((axis) => ends[axis]![0]!), max: xyz((axis) => ends[axis]![1]!) };
  });
  const taken = [2 ** 31, 440 * 2 ** 20, 22 * 2 ** 20].map((capBytes) => {
    const most = planner.mostBytes(request(null), capBytes);
    const peak = Math.max(...bodies.map((body) => planner.plan(request(body), capBytes).peakBytes));
    expect(most).toBeLessThanOrEqual(capBytes);
    expect(peak).toBeLessThanOrEqual(most);
    const whole = planner.plan(request(null), capBytes);
    return { ...whole, isLessThanAPart: whole.peakBytes < peak };
  });
  expect(taken).toMatchObject([{ batch: 3, isLessThanAPart: true }, { batch: 3 }, { classesAtOnce: 8 }]);
});

test('a cap that is too small is told with the one that would do, if there is one', () => {
  expect(new CapTooSmallError(2 ** 20, 3.5 * 2 ** 20).message).toBe(
    '1 MiB of GPU memory cannot hold one window; 4 MiB can',
  );
  expect(new CapTooSmallError(2 ** 20, Number.POSITIVE_INFINITY).message).toBe(
    '1 MiB of GPU memory cannot hold one window; its buffers would be larger than the adapter allows',
  );
});
