/** Runs as other programs read them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkLayout } from '@organseg/core/network/network.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { readSafetensorsFile } from '@organseg/files/safetensorsFile.ts';
import { openTorchFile } from '@organseg/files/torch/openTorchFile.ts';
import type { PickleValue } from '@organseg/files/torch/pickle.ts';
import type { TorchTensor } from '@organseg/files/torch/tensor.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/fixture.ts';
import { parameterLayout } from '../config/network.ts';
import { PRESETS } from '../config/presets.ts';
import { parseConfig } from '../config/schema.ts';
import { openModel } from '../predict/openModel.ts';
import { saveBest } from '../run/checkpoint.ts';
import { createRun } from '../run/runFolder.ts';
import { exportMonai } from './monai.ts';
import { exportNnunet } from './nnunet.ts';
import { exportSafetensors } from './safetensors.ts';

const hasTorch = spawnSync('python3', ['-c', 'import torch']).status === 0;
const REFERENCE = golden('monai/dynunet-res');

/** The settings of nnU-Net's reference models. */
const cubes = (...sizes: number[]) => sizes.map((n) => [n, n, n]);
const common = { classes: 5, filters: [8, 16, 32, 40], kernels: cubes(3, 3, 3, 3) };
const REFERENCE_FORM: Record<string, object> = {
  PlainConvUNet: { ...common, strides: cubes(1, 2, 2, 2) },
  ResidualEncoderUNet: { ...common, strides: [...cubes(1, 2, 2), [1, 2, 2]], blocks: [1, 3, 2, 2] },
};

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

/** A run with random weights, as though it had been trained, and its weights. */
async function newRun(folder: string, settings: object, seed = 1, channelNames = ['CT']) {
  const small = { ...PRESETS.small, classes: 3, filters: [4, 6, 8, 10] };
  const config = parseConfig({ ...small, ...settings }, 'the test');
  const path = join(folder, `run${seed}`);
  const layout = parameterLayout(config);
  const values = initialise(layout, new Random(seed));
  await createRun(path, {
    phase: 'initial',
    data: join(folder, 'Dataset007_Trunk'),
    init: null,
    branches: false,
    initWeights: null,
    pseudo: null,
    fold: null,
    prepared: null,
    channelNames,
    labelNames: ['nothing', 'liver', 'left kidney'],
    trainingCases: ['a', 'b'],
    validationCases: ['c'],
    sources: null,
    config,
  });
  await saveBest(path, layout.specs, values);
  return { path, values, specs: layout.specs };
}

test('safetensors: the parameters, and all that using them takes', async () => {
  const folder = temporaryFolder();
  const { path, values } = await newRun(folder, {});
  const out = join(folder, 'model.safetensors');
  await exportSafetensors(path, out);
  const { tensors, metadata } = await readSafetensorsFile(out);
  expect([...tensors].map(([name, tensor]) => [name, tensor.values])).toEqual([...values]);
  expect(JSON.parse(metadata.network!)).toMatchObject({ architecture: 'DynUNet', filters: [4, 6, 8, 10] });
  expect(JSON.parse(metadata.preprocessing!)).toMatchObject({ spacingMm: [6, 6, 6] });
});

test('MONAI: a bundle that tells how its network is made and fed', async () => {
  const folder = temporaryFolder();
  const settings = { deepSupervision: true, intensityLowHu: -200, spacingMm: [1, 2, 3], windowStep: 0.25 };
  const { path } = await newRun(folder, settings);
  const out = join(folder, 'new', 'bundle');
  await exportMonai(path, out);
  expect(readdirSync(out, { recursive: true }).sort()).toEqual([
    'configs',
    'configs/inference.json',
    'configs/metadata.json',
    'models',
    'models/model.pt',
  ]);
  const { network_def, preprocessing, inferer } = readJson(join(out, 'configs', 'inference.json'));
  const { kernels, strides, patch } = PRESETS.small;
  expect(network_def).toEqual({
    _target_: 'DynUNet',
    spatial_dims: 3,
    in_channels: 1,
    out_channels: 3,
    kernel_size: kernels,
    strides,
    upsample_kernel_size: strides.slice(1),
    filters: [4, 6, 8, 10],
    res_block: true,
    trans_bias: false,
    deep_supervision: true,
    deep_supr_num: 1,
  });
  expect(preprocessing.transforms).toContainEqual(expect.objectContaining({ pixdim: [1, 2, 3] }));
  expect(preprocessing.transforms).toContainEqual(
    expect.objectContaining({ a_min: -200, a_max: 300, clip: true }),
  );
  expect(inferer).toMatchObject({ roi_size: patch, overlap: 0.75 });
});

/** The tensors of a file, and their values. */
async function readTensors(path: string, pick = (value: PickleValue) => value) {
  const file = await openTorchFile(path);
  onTestFinished(() => file.close());
  const tensors = pick(file.value) as Map<string, TorchTensor>;
  return { tensors, floats: (name: string) => file.floats(tensors.get(name)!) };
}

/** The names and shapes of a state dict, sorted. */
const shapesIn = async (path: string, pick?: (value: PickleValue) => PickleValue) =>
  Array.from((await readTensors(path, pick)).tensors, ([name, { shape }]) => `${name} [${shape}]`).sort();

test('MONAI: every parameter under its name, and again under that of its layer', async () => {
  const folder = temporaryFolder();
  const { path, values } = await newRun(folder, { deepSupervision: true });
  await exportMonai(path, join(folder, 'bundle'));
  const { tensors, floats } = await readTensors(join(folder, 'bundle', 'models', 'model.pt'));
  for (const [name, array] of values) expect(floats(name), name).toEqual(array);
  const aliases = [
    ['input_block.norm1.weight', 'downsample.norm1.weight'],
    ['downsamples.1.conv2.conv.weight', 'next_layer.next_layer.downsample.conv2.conv.weight'],
    ['bottleneck.norm2.bias', 'next_layer.next_layer.next_layer.norm2.bias'],
    ['upsamples.0.transp_conv.conv.weight', 'next_layer.next_layer.upsample.transp_conv.conv.weight'],
    ['upsamples.2.conv_block.norm1.bias', 'upsample.conv_block.norm1.bias'],
    ['deep_supervision_heads.0.conv.conv.bias', 'next_layer.super_head.conv.conv.bias'],
  ];
  for (const [name, alias] of aliases)
    expect(tensors.get(`skip_layers.${alias}`)!.storage, alias).toBe(tensors.get(name!)!.storage);
});

const SEG_RES_NET = {
  architecture: 'SegResNet',
  filters: [8, 16, 32],
  kernels: [1, 2, 3].map(() => [3, 3, 3]),
  strides: [1, 2, 2].map((s) => [s, s, s]),
  deepSupervision: false,
};

const UNET = {
  ...SEG_RES_NET,
  architecture: 'UNet',
  strides: [
    [1, 2, 2],
    [2, 2, 2],
    [1, 1, 1],
  ],
  unet: { residualUnits: 1, norm: 'batch', activation: { kind: 'LeakyReLU', slope: 0.2 } },
};
const PLAIN_UNET = { ...UNET, unet: { residualUnits: 0 } };

test.each([{ architecture: 'DynUNet' }, SEG_RES_NET, UNET, PLAIN_UNET])(
  'MONAI: a bundle that is read back as the same model, $architecture',
  async (settings) => {
    const folder = temporaryFolder();
    const { path, values } = await newRun(folder, { ...settings, spacingMm: [1, 2, 3], windowStep: 0.25 });
    const out = join(folder, 'bundle');
    expect(await exportMonai(path, out)).toEqual([]);
    const [run, model] = [await openModel(path), await openModel(out)];
    const { deepSupervision, ...form } = run.network;
    const { patch, preprocessing, windowStep } = run;
    expect(model).toMatchObject({ network: form, patch, preprocessing, windowStep });
    expect(model.labelNames).toEqual(['background', 'liver', 'left kidney']);
    const { specs } = networkLayout(model.network);
    const weights = await model.weights[0]!.open(specs);
    for (const { name } of specs) expect(weights.get(name), name).toEqual(values.get(name));
    weights.close();
  },
);

test('MONAI: what it does otherwise is said', async () => {
  const folder = temporaryFolder();
  const { path } = await newRun(folder, { intensityOutside: 'zero' });
  expect(await exportMonai(path, join(folder, 'bundle'))).toEqual([
    'MONAI makes 1 of intensities above 300 HU, of which this network has learnt 0',
  ]);
});

test.skipIf(!REFERENCE)(
  'MONAI: the names and shapes of its own state dict (needs shared/golden)',
  async () => {
    const folder = temporaryFolder();
    const { kwargs } = readJson(join(REFERENCE!, 'meta.json'));
    const settings = { filters: kwargs.filters, kernels: kwargs.kernel_size, strides: kwargs.strides };
    const { path } = await newRun(folder, { ...settings, classes: kwargs.out_channels });
    await exportMonai(path, join(folder, 'bundle'));
    const shapes = async (path: string) =>
      Array.from((await readTensors(path)).tensors, ([name, { shape }]) => `${name} [${shape}]`).sort();
    expect(await shapes(join(folder, 'bundle', 'models', 'model.pt'))).toEqual(
      await shapes(join(REFERENCE!, 'model.pt')),
    );
  },
);

const network = (value: PickleValue) => (value as Map<string, PickleValue>).get('network_weights')!;

describe.each(['PlainConvUNet', 'ResidualEncoderUNet'])('nnU-Net: %s', (architecture) => {
  test('a fold for each run, which is read back as the same network with the same weights', async () => {
    const folder = temporaryFolder();
    const settings = { architecture, spacingMm: [1, 2, 3], intensityLowHu: -200, deepSupervision: true };
    const runs = [await newRun(folder, settings), await newRun(folder, settings, 2)];
    const out = join(folder, 'model');
    const notes = await exportNnunet(
      runs.map(({ path }) => path),
      out,
    );
    expect(notes).toEqual([expect.stringMatching(/^nnU-Net will not predict quite the same: /)]);

    const run = await openModel(runs[0]!.path);
    const model = await openModel(out);
    const { deepSupervision, ...form } = run.network;
    expect(model.network).toMatchObject(form);
    expect(model).toMatchObject({
      patch: run.patch,
      windowStep: 0.5,
      labelNames: ['background', 'liver', 'left kidney'],
      mirrorAxes: [],
      preprocessing: {
        by: 'nnU-Net',
        reorient: true,
        transposeForward: [0, 1, 2],
        spacingMm: [3, 2, 1],
        channels: [{ scheme: 'CTNormalization', low: -200, high: 300, mean: -200, std: 500 }],
        dataResampling: { order: 1, forceSeparateZ: false },
        logitsResampling: { order: 1, forceSeparateZ: false },
      },
    });
    const { specs } = networkLayout(model.network);
    expect(model.weights).toHaveLength(2);
    for (const [fold, { values }] of runs.entries()) {
      const weights = await model.weights[fold]!.open(specs);
      for (const { name } of specs) expect(weights.get(name), name).toEqual(values.get(name));
      weights.close();
    }
  });

  const name = { PlainConvUNet: 'plain3d', ResidualEncoderUNet: 'resenc3d' }[architecture];
  const reference = golden(`nnunet/${name}/fold_0/checkpoint_final.pth`);
  test.skipIf(!reference)('the names and shapes of its own state dict (needs shared/golden)', async () => {
    const folder = temporaryFolder();
    const { path } = await newRun(folder, { architecture, ...REFERENCE_FORM[architecture] });
    await exportNnunet([path], join(folder, 'model'));
    const checkpoint = join(folder, 'model', 'fold_0', 'checkpoint_final.pth');
    expect(await shapesIn(checkpoint, network)).toEqual(await shapesIn(reference!, network));
  });
});

test.skipIf(!hasTorch)('torch.load(weights_only=True) reads both (needs python3 with torch)', async () => {
  const folder = temporaryFolder();
  const { path } = await newRun(folder, { architecture: 'PlainConvUNet' });
  await exportNnunet([path], join(folder, 'model'));
  const { path: second } = await newRun(folder, {}, 2);
  await exportMonai(second, join(folder, 'bundle'));
  const program = `
import sys, json, torch
checkpoint, bundle = (torch.load(path, weights_only=True) for path in sys.argv[1:])
weights = checkpoint.pop('network_weights')
aliases = [weights[f'{name}.stages.0.0.convs.0.{block}.weight'].data_ptr()
  for name in ('encoder', 'decoder.encoder') for block in ('conv', 'all_modules.0')]
checkpoint['storages'] = len(set(aliases))
checkpoint['bias'] = weights['encoder.stages.0.0.convs.0.conv.bias'].tolist()
print(json.dumps([checkpoint, list(bundle['output_block.conv.conv.weight'].shape)]))`;
  const paths = ['model/fold_0/checkpoint_final.pth', 'bundle/models/model.pt'].map((it) => join(folder, it));
  const read = execFileSync('python3', ['-c', program, ...paths], { encoding: 'utf8' });
  const [checkpoint, shape] = JSON.parse(read);
  expect(checkpoint).toMatchObject({
    trainer_name: 'nnUNetTrainer',
    init_args: { configuration: '3d_fullres', fold: 0, plans: { dataset_name: 'Dataset007_Trunk' } },
    inference_allowed_mirroring_axes: null,
    storages: 1,
    bias: [0, 0, 0, 0],
  });
  expect(shape).toEqual([3, 4, 1, 1, 1]);
});

test('nnU-Net: channels that are normalised as it does are read back as they were, and nothing is otherwise', async () => {
  const folder = temporaryFolder();
  const channels = [
    { scheme: 'CTNormalization', low: -100, high: 200, mean: 40, std: 60 },
    { scheme: 'ZScoreNormalization', useMask: true },
    { scheme: 'NoNormalization' },
  ] as const;
  const settings = { architecture: 'PlainConvUNet', spacingMm: [1, 2, 3], channels };
  const { path } = await newRun(folder, settings, 1, ['CT', 'T1', 'T2']);
  expect(await exportNnunet([path], join(folder, 'model'))).toEqual([]);
  const [run, model] = [await openModel(path), await openModel(join(folder, 'model'))];
  const { deepSupervision, ...form } = run.network;
  expect(model).toMatchObject({
    network: form,
    channelNames: ['CT', 'T1', 'T2'],
    preprocessing: run.preprocessing,
  });
  await expect(
    exportMonai((await newRun(folder, { channels }, 2)).path, join(folder, 'bundle')),
  ).rejects.toThrow('normalises its channels as nnU-Net does, which the bundle does not');
});

test('nnU-Net: what it does otherwise is said', async () => {
  const folder = temporaryFolder();
  const settings = { architecture: 'PlainConvUNet', intensityOutside: 'zero', windowStep: 0.25 };
  const { path } = await newRun(folder, settings);
  expect(await exportNnunet([path], join(folder, 'model'))).toEqual([
    expect.anything(),
    'nnU-Net makes 1 of intensities above 300 HU, of which this network has learnt 0',
    "nnU-Net needs -step_size 0.25, the run's step between windows",
  ]);
});

test('what is there is left as it is, and what cannot be expressed leaves nothing', async () => {
  const folder = temporaryFolder();
  const { path } = await newRun(folder, {});
  const out = join(folder, 'out');
  await expect(exportNnunet([path], out)).rejects.toThrow(
    `${path}: its network is a DynUNet, which nnU-Net does not have; train with --set architecture=PlainConvUNet`,
  );
  const shallow = {
    filters: [4, 6],
    kernels: PRESETS.small.kernels.slice(2),
    strides: [
      [1, 1, 1],
      [2, 2, 2],
    ],
  };
  const { path: second } = await newRun(folder, shallow, 2);
  await expect(exportMonai(second, out)).rejects.toThrow('has 2 stages');
  mkdirSync(out);
  for (const write of [exportMonai, exportSafetensors])
    await expect(write(path, out)).rejects.toThrow(`${out}: is there already; choose another name`);
  expect(readdirSync(folder).sort()).toEqual(['out', 'run1', 'run2']);
  expect(readdirSync(out)).toEqual([]);
});
