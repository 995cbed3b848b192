/** A short training on a case in memory. */
import { initialise, type NamedArrays } from '@organseg/core/network/parameters.ts';
import { encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import { Random } from '@organseg/core/random.ts';
import { OpenSafetensors } from '@organseg/files/openSafetensors.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyConfig } from '../../test/fixture.ts';
import { parameterLayout, preprocessingOf } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import { emptyImage, labelTensors, PreparedCase } from '../data/preparedCase.ts';
import type { Model } from '../predict/model.ts';
import { learnCase } from './learnCase.ts';
import { learningSettings } from './learningSettings.ts';

const LABELS = ['background', 'ball'];
const SIZE = [20, 24, 28] as const;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

function model(changes: Partial<Model> = {}): Model {
  const config = tinyConfig({ classes: LABELS.length });
  return {
    paths: ['the run'],
    network: networkConfig(config),
    patch: config.patch,
    windowStep: config.windowStep,
    labelNames: LABELS,
    channelNames: ['CT'],
    preprocessing: preprocessingOf(config),
    mirrorAxes: [],
    weights: [],
    ...changes,
  };
}

/** A bright ball in the dark, labelled. */
function ball(): PreparedCase {
  const [depth, height, width] = SIZE;
  const labels = Uint8Array.from({ length: depth * height * width }, (_, i) => {
    const at = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    return at.every((place, axis) => Math.abs(place - SIZE[axis]! / 2) < 5) ? 1 : 0;
  });
  const { tensors, fill } = emptyImage(SIZE);
  fill(
    0,
    Float32Array.from(labels, (label, i) => 0.3 + 0.4 * label + 0.01 * (i % 7)),
  );
  const open = (held: Map<string, SafeTensor>) => {
    const bytes = Buffer.concat([...encodeSafetensors({ metadata: {}, tensors: held })]);
    const read = (position: number, length: number) =>
      new Uint8Array(bytes.subarray(position, position + length));
    return new OpenSafetensors({ path: 'memory', size: bytes.length, read, close: () => {} });
  };
  return new PreparedCase(open(tensors), open(labelTensors(SIZE, labels)));
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test.each(['initial', 'fineTuning'] as const)(
  '%s: the loss falls, the network differs, and its memory is free again',
  async (phase) => {
    const config = learningSettings(model(), 60);
    const parameters = initialise(parameterLayout(config), new Random(4));
    const before = gpu.arena.account.inUseBytes;
    const losses: number[] = [];
    const onStep = (step: number, steps: number, loss: number) => {
      expect([step, steps]).toEqual([losses.push(loss), 60]);
    };
    const learnt: NamedArrays = await learnCase(gpu, config, phase, parameters, ball(), {
      signal: new AbortController().signal,
      onStep,
    });
    expect(losses).toHaveLength(60);
    expect(mean(losses.slice(-10))).toBeLessThan(0.8 * mean(losses.slice(0, 10)));
    for (const [name, values] of parameters) expect(learnt.get(name), name).not.toEqual(values);
    expect(gpu.arena.account.inUseBytes).toBe(before);
  },
);

test('is stopped by the signal, and frees its memory', async () => {
  const config = learningSettings(model(), 60);
  const parameters = initialise(parameterLayout(config), new Random(4));
  const before = gpu.arena.account.inUseBytes;
  const controller = new AbortController();
  const onStep = (step: number) => step === 2 && controller.abort(new Error('enough'));
  const work = learnCase(gpu, config, 'fineTuning', parameters, ball(), {
    signal: controller.signal,
    onStep,
  });
  await expect(work).rejects.toThrow('enough');
  expect(gpu.arena.account.inUseBytes).toBe(before);
});

test('is stopped while the driver compiles, though that never ends', async () => {
  const other = await openGpu();
  const controller = new AbortController();
  other.device.createComputePipelineAsync = () => {
    setTimeout(() => controller.abort(new Error('enough')));
    return new Promise<never>(() => {});
  };
  const config = learningSettings(model(), 60);
  const parameters = initialise(parameterLayout(config), new Random(4));
  const hooks = { signal: controller.signal, onStep: () => {} };
  await expect(learnCase(other, config, 'fineTuning', parameters, ball(), hooks)).rejects.toThrow('enough');
  expect(other.arena.account.inUseBytes).toBe(0);
  other.close();
});

test('its settings are the model’s network, grid and intensities, without mirroring', () => {
  const settings = learningSettings(model(), 95);
  expect(networkConfig(settings)).toEqual(model().network);
  expect(preprocessingOf(settings)).toEqual(model().preprocessing);
  expect(settings).toMatchObject({ patch: model().patch, fineTuning: { epochs: 10 }, stepsPerEpoch: 10 });
  expect(settings.initial.learningRate).toBeGreaterThan(settings.fineTuning.learningRate); // random weights are far off
  expect(settings.augmentations.map(({ kind }) => kind)).not.toContain('mirror');
});

test('a model of regions that overlap is refused', () => {
  expect(() => learningSettings(model({ regions: [{ labels: [1, 2], label: 1 }] }), 10)).toThrow(
    'the run: predicts regions that overlap, and cannot be fine-tuned',
  );
});
