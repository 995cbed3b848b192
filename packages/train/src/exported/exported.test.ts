/** Runs as other programs read them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { readSafetensorsFile } from '@organseg/files/safetensorsFile.ts';
import { expect, onTestFinished, test } from 'vitest';
import { parameterLayout } from '../config/network.ts';
import { PRESETS } from '../config/presets.ts';
import { parseConfig } from '../config/schema.ts';
import { saveBest } from '../run/checkpoint.ts';
import { createRun } from '../run/runFolder.ts';
import { exportMonai } from './monai.ts';
import { exportNnunet } from './nnunet.ts';
import { exportSafetensors } from './safetensors.ts';

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
