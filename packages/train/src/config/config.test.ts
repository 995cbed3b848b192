/** Settings: presets, what is put over them, and what is refused. */
import { expect, test } from 'vitest';
import { consistencyWeight, learningRate } from '../step/schedule.ts';
import { checkClasses } from './copyPaste.ts';
import { networkConfig } from './networkSettings.ts';
import { PRESETS, type PresetName } from './presets.ts';
import { resolveConfig, studentConfig } from './resolve.ts';
import { parseConfig } from './schema.ts';

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
  [{ architecture: 'UNETR' }, [], /^mine\.json: architecture: /],
  [
    { architecture: 'PlainConvUNet', blocks: [2, 2] },
    [],
    'mine.json: blocks expects one entry for each of 6 stages',
  ],
  [{ decoderBlocks: [2, 2] }, [], 'mine.json: decoderBlocks expects one entry for each of 5 stages'],
  [{ 'kernels.2': [5, 5, 5] }, [], 'mine.json: network: kernels of 1 and 3 are known, got [5,5,5]'],
  [{ architecture: 'SegResNet' }, [], 'mine.json: SegResNet expects filters that double'],
  [[1], [], 'mine.json: expects a JSON object'],
] as [unknown, string[], string | RegExp][])('%j %j is refused by name', (value, set, message) => {
  expect(() => resolveConfig('gao2022', { path: 'mine.json', value }, set)).toThrow(message);
});

test('an architecture has its library’s numbers of blocks unless others are set', () => {
  const network = (...set: string[]) => networkConfig(resolveConfig('small', undefined, set));
  expect(network('architecture=PlainConvUNet')).toMatchObject({
    architecture: 'PlainConvUNet',
    convolutions: [2, 2, 2, 2],
    decoderConvolutions: [2, 2, 2],
    transposedBias: true,
  });
  expect(network('architecture=ResidualEncoderUNet', 'decoderBlocks=[1,2,3]')).toMatchObject({
    architecture: 'ResidualEncoderUNet',
    blocks: [1, 3, 4, 6],
    decoderConvolutions: [1, 2, 3],
    stemChannels: 8,
  });
  const cubic = ['kernels', 'strides'].map(
    (key, i) => `${key}=${JSON.stringify([1, 2, 2, 2].map((n) => Array(3).fill(i ? n : 3)))}`,
  );
  expect(network('architecture=SegResNet', ...cubic)).toMatchObject({
    initFilters: 8,
    blocksDown: [1, 2, 2, 4],
    blocksUp: [1, 1, 1],
  });
  expect(network('residual=false')).toMatchObject({ architecture: 'DynUNet', residual: false });
});

test('settings of before there were several architectures are a residual DynUNet’s', () => {
  const { architecture, residual, blocks, decoderBlocks, transposedBias, ...before } = PRESETS.small;
  expect(networkConfig(parseConfig(before, 'config.json'))).toEqual(networkConfig(PRESETS.small));
  expect([architecture, residual, blocks, decoderBlocks, transposedBias]).toEqual([
    'DynUNet',
    true,
    null,
    null,
    null,
  ]);
});

test.each(Object.keys(PRESETS) as PresetName[])('%s and its student hold together', (name) => {
  const teacher = resolveConfig(name, undefined, []);
  const student = studentConfig(teacher);
  expect(student.student).toEqual({});
  expect(student.classes).toBe(teacher.classes);
  expect(teacher.student).toEqual(PRESETS[name].student);
});

test('a student’s settings are checked as its teacher’s are', () => {
  const withStudent = (student: unknown) => () =>
    studentConfig(resolveConfig('small', { path: 'mine.json', value: { student } }, []));
  expect(withStudent({ 'initial.epochs': 7, batch: 3 })()).toMatchObject({
    batch: 3,
    initial: { epochs: 7 },
  });
  expect(withStudent({ width: 3 })).toThrow('student: unknown key width');
  expect(withStudent({ patch: [33, 40, 48] })).toThrow(
    'student: patch [33,40,48] expects multiples of [8,8,8]',
  );
  const consistency = { patches: 1, weight: 1, rampEpochs: 1 };
  expect(withStudent({ consistency })).toThrow(
    'student: consistency.patches expects fewer than the batch of 1',
  );
});

test('each round’s student has settings of its own where they are a list, the last ones from there on', () => {
  const student = [{ batch: 2 }, { seed: 3 }];
  const config = resolveConfig('small', { path: 'mine.json', value: { student, rounds: 3 } }, []);
  const students = [0, 1, 2].map((round) => studentConfig(config, round));
  expect(students.map(({ batch, seed }) => [batch, seed])).toEqual([
    [2, 1],
    [1, 3],
    [1, 3],
  ]);
});

test('a mean teacher’s decay is read where earlier versions had it', () => {
  const { weightAverage, ...before } = PRESETS.small;
  const consistency = { patches: 1, weight: 1, rampEpochs: 1, emaDecay: 0.9 };
  const { emaDecay: _, ...now } = consistency;
  const read = parseConfig({ ...before, batch: 2, consistency }, 'config.json');
  expect(read).toEqual({ ...PRESETS.small, batch: 2, consistency: now, weightAverage: 0.9 });
});

test.each([
  [{ weightAverage: null }, 'copyPaste expects a weightAverage'],
  [{ consistency: { patches: 1, weight: 1, rampEpochs: 1 } }, 'unlabelled scans serve one of the two'],
  [{ 'copyPaste.pseudoLabels.refresh': 'often' }, /^mine\.json: copyPaste\.pseudoLabels\.refresh: /],
  [{ branchAt: null }, 'studentStart branch expects branchAt'],
] as [Record<string, unknown>, string | RegExp][])('copy-paste with %j is refused', (value, message) => {
  expect(() => resolveConfig('copy-paste', { path: 'mine.json', value }, [])).toThrow(message);
});

test.each([
  [
    { 'copyPaste.pseudoLabels.leastProbability': [0.9, 0.5] },
    14,
    'leastProbability expects one number, or 14',
  ],
  [{}, 128, 'copyPaste expects at most 127 classes, not 128'],
] as [Record<string, unknown>, number, string][])(
  'copy-paste with %j is refused for %i classes',
  (value, classes, fault) => {
    const config = resolveConfig('copy-paste', { path: 'mine.json', value }, []);
    const faults: string[] = [];
    checkClasses({ ...config, classes }, (each) => faults.push(each));
    expect(faults.join()).toContain(fault);
  },
);

test('the teacher’s weight rises along its ramp', () => {
  const consistency = { patches: 1, weight: 2, rampEpochs: 10 };
  const config = { ...PRESETS.small, consistency };
  expect(consistencyWeight(config, 0)).toBeCloseTo(2 * Math.exp(-5), 12);
  expect(consistencyWeight(config, 5)).toBeCloseTo(2 * Math.exp(-1.25), 12);
  expect(consistencyWeight(config, 99)).toBe(2);
  expect(consistencyWeight({ ...config, consistency: { ...consistency, rampEpochs: 0 } }, 0)).toBe(2);
  expect(consistencyWeight(PRESETS.small, 3)).toBe(0);
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

test('one fold is enough, as splits_final.json may have it', () => {
  expect(resolveConfig('noisy-student', undefined, ['folds=1']).folds).toBe(1);
});
