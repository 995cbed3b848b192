/** Runs as other programs read them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { readSafetensorsFile } from '@organseg/files/safetensorsFile.ts';
import type { PickleValue } from '@organseg/files/torch/pickle.ts';
import type { TorchTensor } from '@organseg/files/torch/tensor.ts';
import { openTorchFile } from '@organseg/files/torch/torchFile.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { expect, onTestFinished, test } from 'vitest';
import { parameterLayout } from '../config/network.ts';
import { PRESETS } from '../config/presets.ts';
import { parseConfig } from '../config/schema.ts';
import { saveBest } from '../run/checkpoint.ts';
import { createRun } from '../run/runFolder.ts';
import { exportMonai } from './monai.ts';
import { exportNnunet } from './nnunet.ts';
import { exportSafetensors } from './safetensors.ts';

const REFERENCE = golden('monai/dynunet-res');

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

/** A run with random weights, as though it had been trained, and its weights. */
async function newRun(folder: string, settings: object, seed = 1) {
  const small = { ...PRESETS.small, classes: 3, filters: [4, 6, 8, 10] };
  const config = parseConfig({ ...small, ...settings }, 'the test');
  const path = join(folder, `run${seed}`);
  const layout = parameterLayout(config);
  const values = initialise(layout, new Random(seed));
  await createRun(path, {
    phase: 'initial',
    data: join(folder, 'Dataset007_Trunk'),
    init: null,
    initWeights: null,
    pseudo: null,
    fold: null,
    prepared: null,
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
  const folder = newFolder();
  const { path, values } = await newRun(folder, {});
  const out = join(folder, 'model.safetensors');
  await exportSafetensors(path, out);
  const { tensors, metadata } = await readSafetensorsFile(out);
  expect([...tensors].map(([name, tensor]) => [name, tensor.values])).toEqual([...values]);
  expect(JSON.parse(metadata.network!)).toMatchObject({ architecture: 'DynUNet', filters: [4, 6, 8, 10] });
  expect(JSON.parse(metadata.preprocessing!)).toMatchObject({ spacingMm: [6, 6, 6] });
});

test('MONAI: a bundle that tells how its network is made and fed', async () => {
  const folder = newFolder();
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
  expect(preprocessing.transforms).toContainEqual(expect.objectContaining({ a_min: -200, a_max: 300 }));
  expect(inferer).toMatchObject({ roi_size: patch, overlap: 0.75 });
});

/** The tensors of a file, and their values. */
async function readTensors(path: string, pick = (value: PickleValue) => value) {
  const file = await openTorchFile(path);
  onTestFinished(() => file.close());
  const tensors = pick(file.value) as Map<string, TorchTensor>;
  return { tensors, floats: (name: string) => file.floats(tensors.get(name)!) };
}

test('MONAI: every parameter under its name, and again under that of its layer', async () => {
  const folder = newFolder();
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

test.skipIf(!REFERENCE)(
  'MONAI: the names and shapes of its own state dict (needs shared/golden)',
  async () => {
    const folder = newFolder();
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

test('what is there is left as it is, and what cannot be expressed leaves nothing', async () => {
  const folder = newFolder();
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
