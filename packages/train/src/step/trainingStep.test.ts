/** Steps in f16 whose gradients overflow, and the loss scale. */
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { elementCount, upload } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyConfig } from '../../test/fixture.ts';
import { afterStep, INITIAL_LOSS_SCALE } from './lossScale.ts';
import { TrainingStep } from './trainingStep.ts';

describe('a step in f16', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  const config = tinyConfig({ patch: [4, 8, 8], precision: 'f16' });

  const opened = (settings = config) => {
    const step = new TrainingStep(gpu, settings);
    const random = new Random(3);
    step.start(initialise(step.layout, random));
    for (const image of [step.image, step.teacher?.image]) {
      if (!image) continue;
      const intensities = Float32Array.from({ length: elementCount(image.shape) }, () => random.uniform());
      upload(gpu, image, intensities);
    }
    const labels = Uint8Array.from({ length: elementCount(step.target.shape) }, () =>
      random.int(config.classes),
    );
    upload(gpu, step.target, labels);
    return step;
  };
  const contentOf = async (step: TrainingStep) => ({
    parameters: await step.values(),
    moments: await step.moments(),
  });

  test('that overflows changes neither weights nor moments, and halves the scale', async () => {
    const step = opened();
    while ((await step.run(1e-3)).skipped); // moments that are not 0
    const before = await contentOf(step);
    const { skippedSteps } = step.lossScale!;
    const scale = 2 ** 40;
    step.restore(1 + skippedSteps, before.parameters, before.moments, { scale, goodSteps: 7, skippedSteps });
    expect(await step.run(1e-3)).toMatchObject({ skipped: true });
    expect(step.lossScale).toEqual({ scale: scale / 2, goodSteps: 0, skippedSteps: skippedSteps + 1 });
    expect(await contentOf(step)).toEqual(before);

    // Its scale falls until steps count again.
    while ((await step.run(1e-3)).skipped);
    expect(step.lossScale!.goodSteps).toBe(1);
    expect(await contentOf(step)).not.toEqual(before);
    step.close();
  });

  test.each([
    ['', null],
    [', which teaches', { patches: 1, weight: 0.1, rampEpochs: 0 }],
  ])('that overflows does not move the average of the weights%s', async (_, consistency) => {
    const step = opened({ ...config, weightAverage: 0.9, consistency });
    // The average is the weights behind the first step, and something of its own behind the second.
    for (let steps = 0; steps < 2; ) if (!(await step.run(1e-3, 0.1)).skipped) steps++;
    const { parameters, moments } = await contentOf(step);
    expect(moments.average).not.toEqual(parameters);
    const { skippedSteps } = step.lossScale!;
    step.restore(2 + skippedSteps, parameters, moments, { scale: 2 ** 40, goodSteps: 0, skippedSteps });
    expect(await step.run(1e-3, 0.1)).toMatchObject({ skipped: true });
    expect((await contentOf(step)).moments.average).toEqual(moments.average);
    step.close();
  });

  test('does the same behind skipped steps as without them', async () => {
    const [plain, skipping] = [opened(), opened()];
    const state = { scale: 1024, goodSteps: 0, skippedSteps: 0 };
    const none = await contentOf(plain);
    plain.restore(0, none.parameters, none.moments, state);
    skipping.restore(0, none.parameters, none.moments, { ...state, scale: 2 ** 40 });
    await skipping.run(1e-3);
    const { parameters, moments } = await contentOf(skipping);
    skipping.restore(1, parameters, moments, { ...state, skippedSteps: 1 });
    for (let i = 0; i < 2; i++) {
      await plain.run(1e-3);
      await skipping.run(1e-3);
    }
    expect(await contentOf(skipping)).toEqual(await contentOf(plain));
    plain.close();
    skipping.close();
  });
});

test('running statistics stay as they were; scales, offsets and slopes learn', async () => {
  const gpu = await openGpu();
  const settings = tinyConfig({
    architecture: 'UNet',
    strides: [
      [2, 2, 2],
      [1, 1, 1],
    ],
    unet: {
      upKernel: [3, 3, 3],
      residualUnits: 1,
      norm: 'batch',
      activation: { kind: 'PReLU', slopes: 1 },
      bias: true,
    },
    patch: [4, 8, 8],
    optimizer: 'sgd',
    weightDecay: 0.1,
    weightAverage: 0.9,
  });
  const step = new TrainingStep(gpu, settings);
  const random = new Random(3);
  const before = initialise(step.layout, random);
  for (const { name, isFrozen } of step.layout.specs)
    if (isFrozen)
      before.set(
        name,
        before.get(name)!.map(() => 1 + random.uniform()),
      );
  step.start(before);
  const intensities = Float32Array.from({ length: elementCount(step.image.shape) }, (_, i) => (i % 7) / 7);
  upload(gpu, step.image, intensities);
  const labels = Uint8Array.from({ length: elementCount(step.target.shape) }, (_, i) => i % settings.classes);
  upload(gpu, step.target, labels);
  for (let i = 0; i < 3; i++) await step.run(0.1);
  const { average } = await step.moments();
  for (const after of [await step.values(), average!])
    for (const { name, isFrozen } of step.layout.specs)
      if (isFrozen) expect(after.get(name), name).toEqual(before.get(name));
      else expect(after.get(name), name).not.toEqual(before.get(name));
  step.close();
  gpu.close();
});

test('the loss scale doubles after 2000 good steps in a row and halves at each overflow', () => {
  let state = INITIAL_LOSS_SCALE;
  for (let i = 0; i < 1999; i++) state = afterStep(state, false);
  expect(state).toEqual({ scale: 65536, goodSteps: 1999, skippedSteps: 0 });
  expect(afterStep(state, false)).toEqual({ scale: 131072, goodSteps: 0, skippedSteps: 0 });
  state = afterStep(state, true);
  expect(state).toEqual({ scale: 32768, goodSteps: 0, skippedSteps: 1 });
  expect(() => {
    for (;;) state = afterStep(state, true);
  }).toThrow('not finite at any loss scale');
});
