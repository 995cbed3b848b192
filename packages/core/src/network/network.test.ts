/** Networks on the GPU against their float64 twin. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { IGNORED, PSEUDO } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { type OpenOptions, openGpu } from '@organseg/kernels/open/dawn.ts';
import { type Reference, reference, relativeError } from '@organseg/kernels/reference/array.ts';
import { downloadF32, elementCount, fromArray, upload } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { twinStep } from '../../test/twinNetwork.ts';
import { Random } from '../random.ts';
import { inferenceProgram } from './inferenceProgram.ts';
import { networkLayout, recordNetwork } from './network.ts';
import { checkNetwork, type NetworkConfig } from './networkConfig.ts';
import { initialise, ParameterLayout } from './parameters.ts';
import { trainingProgram } from './trainingProgram.ts';

const cube = (n: number): Dhw => [n, n, n];

const DYNUNET = {
  architecture: 'DynUNet',
  residual: true,
  transposedBias: false,
  inputChannels: 1,
} as const;

/**
 * Filters that are no multiple of the tile, anisotropic kernels and strides, several items. Filters and classes are the
 * same few numbers everywhere, so that the cases share compiled kernels.
 */
const CASES: { name: string; config: NetworkConfig; image: number[] }[] = [
  {
    name: 'three stages',
    config: {
      ...DYNUNET,
      classes: 5,
      filters: [5, 8, 12],
      kernels: [cube(3), cube(3), cube(3)],
      strides: [cube(1), cube(2), cube(2)],
    },
    image: [2, 8, 8, 16, 1],
  },
  {
    name: 'anisotropic kernels and strides',
    config: {
      ...DYNUNET,
      classes: 5,
      filters: [5, 8, 12],
      kernels: [[1, 3, 3], cube(3), cube(3)],
      strides: [cube(1), [1, 2, 2], cube(2)],
    },
    image: [1, 4, 12, 20, 1],
  },
  {
    name: 'a stage that keeps its form has no shortcut convolution',
    config: {
      ...DYNUNET,
      classes: 5,
      filters: [8, 8],
      kernels: [cube(3), cube(3)],
      strides: [cube(1), cube(1)],
    },
    image: [1, 5, 6, 7, 1],
  },
  {
    name: 'deep supervision at two lower resolutions',
    config: {
      ...DYNUNET,
      // As many as filters: then memory of coarse outputs' gradients serves other tensors too.
      classes: 5,
      filters: [8, 5, 5, 5, 5],
      kernels: [[1, 3, 3], cube(3), cube(3), cube(1), cube(1)],
      strides: [cube(1), [1, 2, 2], cube(2), cube(2), cube(1)],
      deepSupervision: true,
    },
    image: [2, 8, 16, 16, 1],
  },
];

const UNET = { architecture: 'UNet', classes: 5, kernel: cube(3), upKernel: cube(3) } as const;

/** The architectures besides the residual DynUNet, each with several input channels or stages of several forms. */
const OTHERS: typeof CASES = [
  {
    name: 'plain DynUNet',
    config: {
      ...DYNUNET,
      residual: false,
      transposedBias: true,
      inputChannels: 2,
      classes: 5,
      filters: [8, 5, 12],
      kernels: [cube(3), [1, 3, 3], cube(3)],
      strides: [cube(1), [1, 2, 2], [2, 2, 1]],
      deepSupervision: true,
      deepSupervisionHeads: 1,
    },
    image: [1, 4, 8, 10, 2],
  },
  {
    name: 'PlainConvUNet',
    config: {
      architecture: 'PlainConvUNet',
      inputChannels: 3,
      classes: 5,
      filters: [8, 5, 8, 12],
      kernels: [[1, 3, 3], cube(3), [3, 3, 1], cube(3)],
      // A stride beyond 2 tells nnU-Net's padding from MONAI's.
      strides: [cube(1), [1, 3, 1], [2, 1, 2], cube(1)],
      transposedBias: true,
      convolutions: [1, 3, 2, 1],
      decoderConvolutions: [2, 1, 1],
      deepSupervision: true,
    },
    image: [2, 4, 9, 8, 3],
  },
  {
    name: 'ResidualEncoderUNet',
    config: {
      architecture: 'ResidualEncoderUNet',
      inputChannels: 1,
      classes: 5,
      // A block that projects alone, one that pools and projects, one that pools alone.
      filters: [5, 8, 8],
      kernels: [[1, 3, 3], cube(3), cube(3)],
      strides: [cube(1), [1, 2, 2], [2, 2, 1]],
      transposedBias: false,
      blocks: [1, 2, 1],
      decoderConvolutions: [1, 2],
      stemChannels: 8,
    },
    image: [1, 4, 8, 6, 1],
  },
  {
    name: 'SegResNet',
    config: {
      architecture: 'SegResNet',
      inputChannels: 2,
      classes: 3,
      initFilters: 8,
      blocksDown: [1, 2],
      blocksUp: [1],
    },
    image: [2, 2, 6, 4, 2],
  },
  {
    name: 'UNet of residual units, batch norm and PReLU',
    config: {
      ...UNET,
      inputChannels: 2,
      filters: [5, 8, 8],
      // A unit that projects by its stride, one that projects by its channels, one that keeps its form.
      strides: [[2, 2, 1], cube(1), cube(1)],
      residualUnits: 2,
      norm: 'batch',
      activation: { kind: 'PReLU', slopes: 1 },
      bias: true,
    },
    image: [2, 4, 6, 5, 2],
  },
  {
    name: 'UNet of single convolutions, instance norm and a slope for each channel',
    config: {
      ...UNET,
      inputChannels: 1,
      filters: [8, 8, 8],
      strides: [cube(2), [1, 2, 2], cube(1)],
      kernel: [1, 3, 3],
      residualUnits: 0,
      norm: 'instance',
      activation: { kind: 'PReLU', slopes: 8 },
      bias: true,
    },
    image: [1, 4, 8, 12, 1],
  },
  {
    name: 'UNet of wide kernels, affine instance norm and LeakyReLU',
    config: {
      ...UNET,
      inputChannels: 1,
      filters: [8, 5],
      strides: [[1, 2, 2], cube(1)],
      kernel: [1, 5, 3],
      residualUnits: 3,
      norm: 'affineInstance',
      activation: { kind: 'LeakyReLU', slope: 0.2 },
      bias: false,
    },
    image: [1, 3, 8, 6, 1],
  },
];

const build = (config: NetworkConfig, [batch, d, h, w]: number[]) =>
  recordNetwork(config, batch!, [d!, h!, w!]);

/** A training step gives the twin's logits, loss and gradients; by a coded target where pseudo-labels have a weight. */
async function learns(
  gpu: Gpu,
  { config, image: shape }: (typeof CASES)[number],
  pseudoWeight?: number,
): Promise<void> {
  const random = new Random(7);
  const recorded = build(config, shape);
  const layout = new ParameterLayout(recorded.tape.parameters);
  const values = initialise(layout, random);
  // Away from the initial 1 and 0, where some gradients could hide.
  for (const array of values.values())
    for (let i = 0; i < array.length; i++) array[i] += 0.1 * random.normal();
  const image = reference(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => random.uniform()),
  );
  const target = Uint8Array.from({ length: elementCount(shape.slice(0, 4)) }, () => {
    const label = random.int(config.classes);
    return pseudoWeight === undefined ? label : [label, label | PSEUDO, IGNORED][random.int(3)]!;
  });
  const expected = twinStep(config, layout, values, image, target, undefined, pseudoWeight);

  const [parameters, gradients] = [layout.allocate(gpu), layout.allocate(gpu)];
  layout.upload(gpu, parameters, values);
  const memory = { layout, parameters, activation: 'f32' } as const;
  const step = trainingProgram(gpu, recorded, { ...memory, gradients, lossScale: 1, pseudoWeight });
  upload(gpu, step.image, Float32Array.from(image.data));
  upload(gpu, step.target, target);
  // Twice: the second run must not see what the first left behind.
  step.run();
  step.run();
  expect(relativeError(await downloadF32(gpu, step.logits), expected.logits.data)).toBeLessThan(1e-5);
  expect((await downloadF32(gpu, step.loss))[0]).toBeCloseTo(expected.loss, 4);
  const actual = await layout.download(gpu, gradients);
  // Statistics that are told have no gradient.
  for (const { name, isFrozen } of layout.specs)
    if (isFrozen && !expected.gradients.has(name)) {
      expect(Math.hypot(...actual.get(name)!), name).toBe(0);
      actual.delete(name);
    }
  expect([...actual.keys()].sort()).toEqual([...expected.gradients.keys()].sort());
  const size = ({ data }: Reference) => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
  const whole = Math.hypot(...[...expected.gradients.values()].map(size));
  for (const [name, gradient] of expected.gradients) {
    // The scale of a filter of one weight is taken out by the norm behind it: its gradient is rounding alone.
    const isSingle = gradient.shape.length === 5 && elementCount(gradient.shape.slice(1)) === 1;
    const scale = isSingle ? size(gradient) / whole : 1;
    expect(relativeError(actual.get(name)!, gradient.data) * scale, name).toBeLessThan(1e-4);
  }
  step.close();
}

/** Inference gives the twin's logits, run after run. */
async function predicts(gpu: Gpu, { config, image: shape }: (typeof CASES)[number]): Promise<void> {
  const random = new Random(3);
  const recorded = build(config, shape);
  const layout = new ParameterLayout(recorded.tape.parameters);
  const values = initialise(layout, random);
  const parameters = layout.allocate(gpu);
  layout.upload(gpu, parameters, values);
  const memory = { layout, parameters, activation: 'f32' } as const;
  // The second packs its weights itself; both must give the same.
  const [inference, own] = [false, true].map((packsEachRun) =>
    inferenceProgram(gpu, recorded, memory, { packsEachRun }),
  );
  for (let run = 0; run < 2; run++) {
    const image = reference(
      shape,
      Float32Array.from({ length: elementCount(shape) }, () => random.uniform()),
    );
    const { logits } = twinStep(
      config,
      layout,
      values,
      image,
      new Uint8Array(elementCount(shape.slice(0, 4))),
    );
    upload(gpu, inference.image, Float32Array.from(image.data));
    inference.run();
    expect(relativeError(await downloadF32(gpu, inference.logits), logits.data)).toBeLessThan(1e-5);
    upload(gpu, own.image, Float32Array.from(image.data));
    own.run();
    expect(await downloadF32(gpu, own.logits)).toEqual(await downloadF32(gpu, inference.logits));
  }
  inference.close();
  own.close();
}

describe.each<[string, OpenOptions]>([
  ['uniform weights', { weightSpace: 'uniform' }],
  ['storage weights', { weightSpace: 'storage' }],
])('network, %s', (_, options) => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu(options);
  });
  afterAll(() => gpu.close());

  test.each(CASES)('$name: logits, loss and gradients of the float64 twin', (c) => learns(gpu, c));

  test('truth, pseudo-labels and ignored voxels weigh at every resolution as in the twin', () =>
    learns(gpu, CASES.at(-1)!, 0.47));

  test.each(CASES)('$name: inference gives the same logits, run after run', (c) => predicts(gpu, c));

  test.each([CASES[0]!, CASES.at(-1)!])(
    '$name: items without labels learn from a teacher alone',
    async ({ config, image: [, ...patch] }) => {
      const shape = [3, ...patch];
      const random = new Random(5);
      const recorded = build(config, shape);
      const layout = new ParameterLayout(recorded.tape.parameters);
      const values = initialise(layout, random);
      const draw = (count: number) => Float32Array.from({ length: count }, () => random.normal());
      const image = reference(shape, draw(elementCount(shape)));
      const target = Uint8Array.from({ length: elementCount(patch) }, () => random.int(config.classes));
      const teacherShape = [2, ...patch.slice(0, 3), config.classes];
      const teacherLogits = draw(elementCount(teacherShape));
      const teacher = fromArray(gpu, teacherLogits, teacherShape);
      const [parameters, gradients] = [layout.allocate(gpu), layout.allocate(gpu)];
      layout.upload(gpu, parameters, values);
      const memory = { layout, parameters, activation: 'f32' } as const;
      const step = trainingProgram(gpu, recorded, { ...memory, gradients, lossScale: 1, teacher });
      step.setFactors(1, 40);
      upload(gpu, step.image, Float32Array.from(image.data));
      upload(gpu, step.target, target);
      // Twice: the second run must not see what the first left behind.
      step.run();
      step.run();
      const unlabelled = { teacher: reference(teacherShape, teacherLogits), weight: 40 };
      const expected = twinStep(config, layout, values, image, target, unlabelled);
      const actual = await layout.download(gpu, gradients);
      for (const [name, gradient] of expected.gradients) {
        const isSingle = gradient.shape.length === 5 && elementCount(gradient.shape.slice(1)) === 1;
        if (!isSingle) expect(relativeError(actual.get(name)!, gradient.data), name).toBeLessThan(1e-4);
      }
      expect((await downloadF32(gpu, step.loss))[0]).toBeCloseTo(expected.loss, 4);
      step.close();
    },
  );

  test('a closed program gives all its memory back', () => {
    const [{ config, image }] = CASES;
    const recorded = build(config, image);
    const layout = new ParameterLayout(recorded.tape.parameters);
    const parameters = layout.allocate(gpu);
    const before = gpu.arena.account.inUseBytes;
    const inference = inferenceProgram(gpu, recorded, { layout, parameters, activation: 'f32' });
    expect(gpu.arena.account.inUseBytes).toBeGreaterThan(before);
    inference.close();
    expect(gpu.arena.account.inUseBytes).toBe(before);
  });
});

describe('networks of nnU-Net and MONAI', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  test.each(OTHERS)('$name: logits, loss and gradients of the float64 twin', (c) => learns(gpu, c));

  test.each(OTHERS)('$name: inference gives the same logits, run after run', (c) => predicts(gpu, c));
});

test('the network of the paper has 31,419,406 parameters', () => {
  const config: NetworkConfig = {
    ...DYNUNET,
    classes: 14,
    filters: [32, 64, 128, 256, 320, 320],
    kernels: Array.from({ length: 6 }, () => cube(3)),
    strides: [1, 2, 2, 2, 2, 2].map(cube),
  };
  const { tape } = build(config, [1, 32, 32, 32, 1]);
  expect(new ParameterLayout(tape.parameters).count).toBe(31_419_406);
});

test('a patch that the strides do not divide is refused by name', () => {
  const [{ config }] = CASES;
  expect(() => build(config, [1, 8, 10, 8, 1])).toThrow('divisible by [4,4,4] (D,H,W), got [8,10,8]');
});

test('a form that contradicts itself or is not computed is refused by name', () => {
  const [dynUnet, plain, residual] = OTHERS.map(({ config }) => config);
  const faults: [NetworkConfig, string][] = [
    [
      { ...plain, kernels: [cube(3), cube(5), cube(3), cube(3)] } as NetworkConfig,
      'kernels of 1 and 3 are known, got [5,5,5]',
    ],
    [
      { ...plain, strides: [cube(2), cube(2), cube(2), cube(2)] } as NetworkConfig,
      'the first stride expects [1,1,1], got [2,2,2]',
    ],
    [{ ...plain, convolutions: [2, 2, 2] } as NetworkConfig, 'convolutions expects 4 entries, got 3'],
    [{ ...residual, blocks: [1, 0, 2] } as NetworkConfig, 'blocks expects positive integers, got [1,0,2]'],
    [
      { ...residual, decoderConvolutions: [1] } as NetworkConfig,
      'decoderConvolutions expects 2 entries, got 1',
    ],
    [{ ...dynUnet, strides: [cube(1), cube(2), [1, 5, 1]] } as NetworkConfig, 'got [1,5,1]'],
    [{ ...dynUnet, deepSupervisionHeads: 2 } as NetworkConfig, 'deepSupervisionHeads expects 1 to 1, got 2'],
  ];
  for (const [config, fault] of faults) expect(() => checkNetwork(config)).toThrow(fault);
});

test('a residual encoder begins as its shortcuts: the last norm of each block is 0', () => {
  const layout = networkLayout(OTHERS[2]!.config);
  const values = initialise(layout, new Random(1));
  const zero = layout.specs
    .filter(({ name, kind }) => kind !== 'bias' && values.get(name)!.every((x) => x === 0))
    .map(({ name }) => name);
  expect(zero).toEqual(
    ['0.blocks.0', '1.blocks.0', '1.blocks.1', '2.blocks.0'].map(
      (block) => `encoder.stages.${block}.conv2.norm.weight`,
    ),
  );
});
