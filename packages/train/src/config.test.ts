import { expect, test } from 'vitest';
import { resolveConfig } from './config.ts';
import { PRESETS } from './presets.ts';
import { learningRate } from './schedule.ts';

test('the preset, then the file, then --set', () => {
  const file = {
    path: 'mine.json',
    value: { batch: 4, 'augmentations.2.probability': 0.3, 'initial.epochs': 7 },
  };
  const config = resolveConfig('gao2022', file, [
    'batch=8',
    'intensityOutside=clip',
    'augmentations.2.std=[0,0.5]',
  ]);
  expect(config).toEqual({
    ...PRESETS.gao2022,
    batch: 8,
    intensityOutside: 'clip',
    augmentations: PRESETS.gao2022.augmentations.map((each) =>
      each.kind === 'noise' ? { ...each, probability: 0.3, std: [0, 0.5] } : each,
    ),
    initial: { ...PRESETS.gao2022.initial, epochs: 7 },
  });
});

test.each([
  [{ learning_rate: 1 }, [], 'mine.json: unknown key learning_rate'],
  [{ initial: { sigma: 1 } }, [], 'mine.json: unknown key sigma'],
  [{}, ['augmentations.1.std=1'], '--set augmentations.1.std: unknown key std'],
  [{}, ['batch.size=1'], '--set batch.size: batch has no key size'],
  [{}, ['batch'], '--set batch: expects key=value'],
  [{ batch: 0 }, [], /^mine\.json: batch: .*>0/],
  [{ 'augmentations.0.x': 1.5 }, [], /^mine\.json: augmentations\.0\.x: /],
  [{ augmentations: [{ kind: 'blur' }] }, [], /^mine\.json: augmentations\.0\.kind: /],
  [{ intensityOutside: 'nearest' }, [], /^mine\.json: intensityOutside: .*"zero"\|"clip"/],
  [{ patch: [100, 128, 128] }, [], 'mine.json: patch [100,128,128] expects multiples of [32,32,32]'],
  [{ filters: [8, 16] }, [], 'filters, kernels and strides expect one entry for each of 2 stages'],
  [[1], [], 'mine.json: expects a JSON object'],
] as [unknown, string[], string | RegExp][])('%j %j is refused by name', (value, set, message) => {
  expect(() => resolveConfig('gao2022', { path: 'mine.json', value }, set)).toThrow(message);
});

test('the learning rate falls as the paper’s formula and stays at its floor past the horizon', () => {
  const { gao2022 } = PRESETS;
  expect(learningRate(gao2022, 'initial', 0)).toBe(1e-4);
  expect(learningRate(gao2022, 'initial', 250)).toBeCloseTo(1e-4 * 0.5 ** 0.9, 12);
  expect(learningRate(gao2022, 'initial', 500)).toBeCloseTo(1e-6, 12);
  expect(learningRate(gao2022, 'initial', 1599)).toBeCloseTo(1e-6, 12);
  expect(learningRate(gao2022, 'fineTuning', 39)).toBeCloseTo(5e-5 * (1 - 39 / 500) ** 0.9, 12);
  const own = { ...gao2022, decayHorizonEpochs: null };
  expect(learningRate(own, 'fineTuning', 20)).toBeCloseTo(5e-5 * 0.5 ** 0.9, 12);
});
