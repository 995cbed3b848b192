/** What the worker makes of a plan that is dropped in place of a model. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networkLayout } from '@organseg/core/network/network.ts';
import { dicomSeries } from '@organseg/dicom/dicomFixture.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { PRESETS } from '@organseg/train/config/presets.ts';
import { openModelFiles } from '@organseg/train/imported/openModelFiles.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { planIn } from '../src/worker/droppedPlan.ts';
import { bytesToLearn } from '../src/worker/learner.ts';
import { readChannels } from '../src/worker/scanFiles.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

/** What files of JSON that are dropped together are. */
async function dropped(files: Record<string, unknown>): Promise<Model | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-dropped-'));
  try {
    for (const [name, value] of Object.entries(files))
      writeFileSync(join(folder, name), JSON.stringify(value));
    return await planIn(await openModelFiles(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PLAN = { ...PRESETS.small, classes: 3, patch: [16, 32, 32] as const, spacingMm: [1, 1, 3] as const };
const CHANNELS = [{ scheme: 'ZScoreNormalization', useMask: false }, { scheme: 'NoNormalization' }];
const DATASET = { channel_names: { 0: 'CT' }, labels: { background: 0, liver: 1, spleen: 2, ignore: 3 } };

test('a plan is a model of its network and grid that has no weights, its labels numbered or named', async () => {
  const alone = await dropped({ 'plan.json': PLAN });
  expect(alone).toMatchObject({
    patch: PLAN.patch,
    labelNames: ['background', 'label 1', 'label 2'],
    channelNames: ['CT'],
    preprocessing: { by: 'organseg', spacingMm: PLAN.spacingMm },
    weights: [],
  });
  expect(await bytesToLearn(gpu, alone!)).toBeGreaterThan(4 * networkLayout(alone!.network).count);
  const beside = { 'dataset.json': DATASET, 'dataset_fingerprint.json': {}, 'splits_final.json': [] };
  const named = await dropped({ 'plan.json': { ...PLAN, classes: 14 }, ...beside });
  expect(named).toMatchObject({ labelNames: ['background', 'liver', 'spleen'], network: alone!.network });
  const two = await dropped({ 'plan.json': { ...PLAN, channels: CHANNELS } });
  expect(two).toMatchObject({ channelNames: ['channel 0', 'channel 1'], network: { inputChannels: 2 } });
});

test('files that are no plan are left to whoever reads models', async () => {
  expect(await dropped({ 'dataset.json': DATASET })).toBeUndefined();
  expect(await dropped({ 'config.json': { stage: 'initial', config: PLAN } })).toBeUndefined();
  expect(await dropped({ 'plan.json': PLAN, 'other.json': PLAN })).toBeUndefined();
});

test.each([
  [{ 'plan.json': { ...PLAN, patch: [16, 32] } }, /plan\.json: patch: /],
  [{ 'plan.json': { ...PLAN, patch: [15, 32, 32] } }, /plan\.json: patch \[15,32,32\] expects multiples of /],
  [
    { 'plan.json': { ...PLAN, channels: CHANNELS }, 'dataset.json': DATASET },
    /dataset\.json: has the channels CT; the settings’ channels say how 2 are normalised$/,
  ],
  [
    { 'plan.json': PLAN, 'dataset.json': { ...DATASET, channel_names: { 0: 'T1' } } },
    /dataset\.json: has the channels T1, and these settings are for one of CT; /,
  ],
  [
    {
      'plan.json': PLAN,
      'dataset.json': { labels: { background: 0, organ: [1, 2], lesion: 2 }, regions_class_order: [1, 2] },
    },
    /dataset\.json: its labels are regions that overlap, which train alone learns$/,
  ],
])('what is not learnt here is refused in one line (%#)', async (files, message) => {
  await expect(dropped(files)).rejects.toThrow(message);
});

test('a scan of fewer channels than the plan’s is refused, in NIfTI and in DICOM', async () => {
  const slices = dicomSeries(2).map(async (slice) => ({
    path: slice.name,
    file: new Blob([await slice.read()]),
  }));
  const one = [{ path: 'case_0000.nii.gz', file: new Blob() }];
  for (const files of [await Promise.all(slices), one])
    await expect(readChannels(files, ['T1', 'T2'], () => {})).rejects.toThrow(
      /^the model reads 2 channels, T1, T2(, and a series of DICOM is one: convert|: drop CASE_0000, CASE_0001, …)/,
    );
});

test('one whose training the GPU’s buffers do not hold is refused', async () => {
  const large = await dropped({ 'plan.json': { ...PLAN, patch: [1024, 1024, 1024] } });
  await expect(bytesToLearn(gpu, large!)).rejects.toThrow(/plan\.json: is too large to learn on this GPU \(/);
});

const hippocampus = golden('nnunet-plans/nnUNetfork_imagesTs');

test.skipIf(!hippocampus)('nnU-Net’s own plan is one too, together with dataset.json', async () => {
  const plans = await readJsonFile(join(hippocampus!, 'plans.json'), z.unknown());
  await expect(dropped({ 'plans.json': plans })).rejects.toThrow(
    /plans\.json: drop dataset\.json together with it, which names the labels$/,
  );
  const dataset = { channel_names: { 0: 'MRI' }, labels: { background: 0, anterior: 1, posterior: 2 } };
  expect(await dropped({ 'plans.json': plans, 'dataset.json': dataset })).toMatchObject({
    patch: [40, 56, 40],
    labelNames: ['background', 'anterior', 'posterior'],
    channelNames: ['MRI'],
    preprocessing: { by: 'nnU-Net', channels: [{ scheme: 'ZScoreNormalization' }] },
    weights: [],
  });
});
