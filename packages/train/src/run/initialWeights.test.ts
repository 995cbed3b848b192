/** The weights that a fine-tuning starts from. */
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { expect, test } from 'vitest';
import { tinyConfig } from '../../test/fixture.ts';
import { parameterLayout, preprocessingOf } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import { type InitialModel, initialWeights } from './initialWeights.ts';

const config = tinyConfig({ architecture: 'PlainConvUNet', classes: 3 });
const values = initialise(parameterLayout(config), new Random(1));
const model: InitialModel = {
  path: 'model',
  network: networkConfig(config),
  labelNames: ['background', 'liver', 'spleen'],
  preprocessing: preprocessingOf(config),
  networks: 1,
  weights: {
    path: 'weights',
    sha256: async () => '',
    open: async () => ({ get: (name) => values.get(name), close: () => {} }),
  },
};
const FIRST = 'encoder.stages.0.0.convs.0.conv.weight';
const HEAD = ['decoder.seg_layers.0.weight', 'decoder.seg_layers.0.bias'];

const start = (changes: Partial<InitialModel>, to = config, labels: readonly string[] = model.labelNames) =>
  initialWeights({ ...model, ...changes }, to, labels, new Random(2));

test('with the same labels they are the model’s, whatever the background is called', async () => {
  const { parameters, notes } = await start({}, config, ['nothing', 'liver', 'spleen']);
  expect(parameters).toEqual(values);
  expect(notes).toEqual([]);
});

test.each([
  ['liver', 'pancreas'],
  ['liver', 'spleen', 'pancreas'],
])('with the labels %s and %s the last layer alone is random', async (...organs) => {
  const to = { ...config, classes: organs.length + 1 };
  const { parameters, notes } = await start({}, to, ['background', ...organs]);
  expect(notes).toEqual(['model: has other labels, so the last layer starts from random weights']);
  const { specs } = parameterLayout(to);
  expect([...parameters.keys()].sort()).toEqual(specs.map(({ name }) => name).sort());
  for (const [name, array] of values)
    if (HEAD.includes(name)) expect(parameters.get(name)).toHaveLength((array.length / 3) * to.classes);
    else expect(parameters.get(name), name).toEqual(array);
  expect(parameters.get(HEAD[0]!)!.slice(0, 12)).not.toEqual(values.get(HEAD[0]!));
});

test('labels in another order take their outputs along', async () => {
  const names = ['background', 'spleen', 'kidneys', 'liver'];
  const own = tinyConfig({ ...config, classes: 4 });
  const its = initialise(parameterLayout(own), new Random(1));
  const weights = {
    ...model.weights,
    open: async () => ({ get: (name: string) => its.get(name), close() {} }),
  };
  const from = {
    network: networkConfig(own),
    labelNames: ['background', 'liver', 'spleen', 'kidneys'],
    weights,
  };
  const { parameters, notes } = await start(from, own, names);
  expect(notes).toEqual([
    "model: has its labels in another order, so the last layer's outputs are put in the data set's",
  ]);
  const outputs = (values: Float32Array) => [0, 1, 2, 3].map((label) => [...outputOf(values, label)]);
  for (const [name, array] of its) {
    const [background, liver, spleen, kidneys] = outputs(array);
    if (HEAD.includes(name))
      expect(outputs(parameters.get(name)!), name).toEqual([background, spleen, kidneys, liver]);
    else expect(parameters.get(name), name).toEqual(array);
  }
});

/** Of a last layer of four outputs the weights, or the offset, of one. */
const outputOf = (values: Float32Array, label: number) =>
  values.subarray((label * values.length) / 4, ((label + 1) * values.length) / 4);

test('outputs at lower resolutions are the model’s, and random where it has none, or such of zeros', async () => {
  const three = { filters: [4, 6, 8, 10], kernels: cubes(3, 3, 3, 3), strides: cubes(1, 2, 2, 2) };
  const from = tinyConfig({ ...config, ...three, classes: 3 });
  const own = initialise(parameterLayout(from), new Random(1));
  const to = { ...from, deepSupervision: true };
  const all = initialise(parameterLayout(to), new Random(3));
  const coarse = [...all.keys()].filter((name) => !own.has(name));
  expect(coarse).toEqual(['decoder.seg_layers.1.weight', 'decoder.seg_layers.1.bias']);
  const startWith = (get: (name: string) => Float32Array | undefined) => {
    const weights = { ...model.weights, open: async () => ({ get, close: () => {} }) };
    return start({ network: networkConfig(from), weights }, to);
  };
  for (const get of [
    (name: string) => own.get(name),
    (name: string) => own.get(name) ?? new Float32Array(all.get(name)!.length),
  ]) {
    const { parameters, notes } = await startWith(get);
    expect(notes).toEqual([
      'model: has no outputs at lower resolutions, whose layers start from random weights',
    ]);
    for (const [name, array] of own) expect(parameters.get(name), name).toEqual(array);
    expect(parameters.get(coarse[0]!)!.some((value) => value !== 0)).toBe(true);
  }
  const learnt = all.get(coarse[1]!)!.fill(0.5);
  const { parameters, notes } = await startWith((name) => all.get(name));
  expect(notes).toEqual([]);
  expect(parameters.get(coarse[1]!)).toBe(learnt);
  expect(parameters).toEqual(all);
});

test('nnU-Net’s unit of intensity goes into the first convolution', async () => {
  const resampling = { order: 1, orderZ: 0, forceSeparateZ: false, separateZThreshold: 3 } as const;
  const { intensityLowHu: low, intensityHighHu: high } = config;
  const { parameters, notes } = await start({
    networks: 2,
    preprocessing: {
      by: 'nnU-Net',
      reorient: false,
      transposeForward: [0, 1, 2],
      spacingMm: [12, 12, 12],
      channels: [{ scheme: 'CTNormalization', low, high, mean: 40, std: (high - low) / 4 }],
      dataResampling: resampling,
      logitsResampling: resampling,
    },
  });
  for (const [name, array] of values)
    expect(parameters.get(name), name).toEqual(name === FIRST ? array.map((weight) => 4 * weight) : array);
  expect(notes).toEqual([
    'model: averages 2 networks; started from weights',
    'model: has learnt from scans as their files lie; here they are turned to RAS+',
  ]);
});

test('what is bound to its own unit of intensity is refused where the run has another', async () => {
  const to = tinyConfig({ classes: 3 });
  const preprocessing = { by: 'nnU-Net' } as InitialModel['preprocessing'];
  const weights = {
    ...model.weights,
    open: async () => ({ get: () => new Float32Array(1), close: () => {} }),
  };
  await expect(start({ network: networkConfig(to), preprocessing, weights }, to)).rejects.toThrow(
    'model: its DynUNet is bound to its own unit of intensity',
  );
});

test('another network is refused by what differs', async () => {
  await expect(start({}, { ...config, blocks: [1, 1] })).rejects.toThrow(
    "model: its convolutions are [2,2], this run's [1,1]",
  );
  await expect(start({}, { ...config, architecture: 'DynUNet' })).rejects.toThrow(
    'model: its architecture is "PlainConvUNet", this run\'s "DynUNet"',
  );
});

function cubes(...sizes: number[]): [number, number, number][] {
  return sizes.map((n) => [n, n, n]);
}
