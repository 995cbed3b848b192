/** `plan`: the settings it writes, the memory they take, nnU-Net's plans, and what is refused. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden } from '../../packages/files/src/torch/torchFixture.ts';
import { openGpu } from '../../packages/kernels/src/open/dawn.ts';
import { resolveConfig } from '../../packages/train/src/config/resolve.ts';
import type { Config } from '../../packages/train/src/config/schema.ts';
import { describe as describeModel } from '../../packages/train/src/imported/nnunet/plans.ts';
import { trainingPeakBytes } from '../../packages/train/src/run/memory.ts';
import { cliHere, cliJsonHere } from '../cli.ts';

describe('plan', () => {
  let folder: string;
  let data: string;
  const at = (name: string) => join(folder, name);
  const json = (name: string) => JSON.parse(readFileSync(at(name), 'utf8'));
  const plan = (...options: string[]) =>
    cliHere(['plan', '--data', data, '--fingerprint', at('fingerprint'), ...options]);
  const planned = (name: string): Config => resolveConfig('gao2022', { path: name, value: json(name) }, []);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-plan-'));
    data = at('data');
    const phantoms = ['--labelled', '3', '--unlabelled', '1', '--test', '0', '--spacing', '8'];
    expect(await cliHere(['phantom', '--out', data, ...phantoms])).toMatchObject({ code: 0 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('fills the memory given with patches of the median spacing, and says why', async () => {
    const { code, stdout } = await plan('--memory', '100', '--out', at('plan.json'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^patch +\d+ × \d+ × \d+ +z, y, x: the largest of which 2 fit 100 MiB/m);
    expect(stdout).toMatch(/^schedule .*of the preset copy-paste: 1 unlabelled scan in imagesUn$/m);
    const config = planned('plan.json');
    const { spacings, foreground_intensity_properties_per_channel: of } = json(
      'fingerprint/dataset_fingerprint.json',
    );
    const middle = spacings.toSorted((a: number[], b: number[]) => a[2]! - b[2]!)[1];
    expect(config.spacingMm[0]).toBe(middle[2]);
    expect([config.intensityLowHu, config.intensityHighHu]).toEqual([
      of[0].percentile_00_5,
      of[0].percentile_99_5,
    ]);
    const gpu = await openGpu();
    try {
      const peak = await trainingPeakBytes(gpu, config, 'initial', config.patch);
      expect(peak / 2 ** 20).toBeLessThanOrEqual(100);
      expect(peak / 2 ** 20).toBeGreaterThan(50);
    } finally {
      gpu.close();
    }
  });

  it('is trained as it stands, copy-paste and all, in the memory that it was planned for', async () => {
    const run = at('run');
    const few = ['initial.epochs=2', 'stepsPerEpoch=1', 'validateEverySteps=2', 'windowStep=1'];
    const { finished, step, peakGpuBytes } = await cliJsonHere<{
      finished: boolean;
      step: number;
      peakGpuBytes: number;
    }>([
      ...['train', '--data', data, '--config', at('plan.json'), '--out', run, '--memory-cap', '100'],
      ...['--set', ...few],
    ]);
    expect({ finished, step }).toEqual({ finished: true, step: 2 });
    expect(peakGpuBytes / 2 ** 20).toBeLessThanOrEqual(100);
    const records = readFileSync(join(run, 'training.jsonl'), 'utf8').trim().split('\n');
    const events = records.map((line) => JSON.parse(line)).map(({ event, epoch }) => `${event} ${epoch}`);
    expect(events).toEqual(['epoch 1', 'labelling 1', 'epoch 2', 'validation 2']);
    expect(json('run/config.json').config).toMatchObject({
      labelResampling: 'linear',
      patch: planned('plan.json').patch,
    });
  });

  it('plans as nnU-Net, and writes its plans', async () => {
    const outs = ['--out', at('like.json'), '--nnunet-plans', at('nnUNetPlans.json')];
    expect(await plan('--like', 'resenc-m', ...outs)).toMatchObject({ code: 0 });
    const config = planned('like.json');
    const description = { json: json('data/dataset.json'), path: 'dataset.json' };
    const plans = { json: json('nnUNetPlans.json'), path: 'nnUNetPlans.json' };
    const { network, patch, preprocessing } = describeModel(plans, description, '3d_fullres');
    expect(config).toMatchObject({
      architecture: 'ResidualEncoderUNet',
      filters: 'filters' in network ? network.filters : [],
      blocks: 'blocks' in network ? network.blocks : [],
    });
    const forward = json('nnUNetPlans.json').transpose_forward as number[];
    expect(patch).toEqual(forward.map((axis) => config.patch[axis]));
    expect(preprocessing).toMatchObject({
      reorient: true,
      channels: [{ scheme: 'CTNormalization', low: config.intensityLowHu, high: config.intensityHighHu }],
    });
    // nnU-Net's plans are settings too.
    const settings = (name: string) =>
      cliHere(['model', '--preset', 'copy-paste', '--config', at(name), '--json']);
    const parameters = await settings('nnUNetPlans.json');
    expect(parameters.code).toBe(0);
    expect(JSON.parse(parameters.stdout)).toEqual(JSON.parse((await settings('like.json')).stdout));
    // What is there is not replaced.
    const again = await plan('--like', 'nnunet', '--out', at('like.json'));
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('like.json: is there already') });
    expect(planned('like.json')).toEqual(config);
  });

  it('plans by a fingerprint alone, as nnU-Net keeps one, by the number of cases that dataset.json states', async () => {
    const kept = at('kept');
    mkdirSync(kept);
    const described = { ...json('data/dataset.json'), file_ending: '.nrrd' };
    const fingerprint = json('fingerprint/dataset_fingerprint.json');
    const planKept = async (of: typeof fingerprint, stated: number, out: string) => {
      writeFileSync(join(kept, 'dataset.json'), JSON.stringify({ ...described, numTraining: stated }));
      writeFileSync(join(kept, 'dataset_fingerprint.json'), JSON.stringify(of));
      const outs = ['--out', at(`${out}.json`), '--nnunet-plans', at(`${out}-plans.json`)];
      return await cliHere(['plan', '--data', kept, '--like', 'resenc-m', ...outs]);
    };
    // Scans of that format cannot be trained on, which is said.
    const { code, stdout, stderr } = await planKept(fingerprint, 3, 'kept-3');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('only .nii.gz is read') });
    expect(stdout).toMatch(/^cases +3 +in dataset_fingerprint\.json, of CT$/m);
    expect(json('kept-3-plans.json')).toEqual({
      ...json('nnUNetPlans.json'),
      dataset_name: 'Dataset001_kept',
    });
    expect(existsSync(at('kept-3.json'))).toBe(false);
    const batch = (name: string) => json(name).configurations['3d_fullres'].batch_size;
    await planKept(fingerprint, 300, 'kept-300');
    expect(batch('kept-300-plans.json')).toBeGreaterThan(batch('kept-3-plans.json'));
    const other = { ...fingerprint, shapes_after_crop: [] };
    expect(await planKept(other, 3, 'other')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('dataset_fingerprint.json: shapes_after_crop: '),
    });
  });

  it('plans several channels, the settings’ normalisations those of its plans', async () => {
    const mr = at('mr');
    cpSync(data, mr, { recursive: true });
    for (const images of [join(mr, 'imagesTr'), join(mr, 'imagesUn')])
      for (const name of readdirSync(images))
        cpSync(join(images, name), join(images, name.replace('_0000', '_0001')));
    const description = {
      ...json('data/dataset.json'),
      channel_names: { 0: 'CT_portal', 1: 'CT' },
      numTraining: 9,
    };
    writeFileSync(join(mr, 'dataset.json'), JSON.stringify(description));
    const outs = ['--out', at('mr.json'), '--nnunet-plans', at('mr-plans.json')];
    const { code, stdout, stderr } = await cliHere([
      ...['plan', '--data', mr, '--like', 'nnunet', '--fingerprint', at('fingerprint-mr'), ...outs],
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^channel 0 +ZScoreNormalization/m);
    expect(stderr).toMatch(/the channel CT_portal is not planned as CT/);
    expect(stderr).toMatch(/dataset\.json: numTraining is 9, imagesTr holds 3 cases/);
    const plans = { json: json('mr-plans.json'), path: 'mr-plans.json' };
    const { preprocessing } = describeModel(plans, { json: description, path: 'dataset.json' }, '3d_fullres');
    const { channels } = planned('mr.json');
    expect(channels).toMatchObject([
      { scheme: 'ZScoreNormalization', useMask: false },
      { scheme: 'CTNormalization' },
    ]);
    expect(preprocessing).toMatchObject({ channels });
  });

  it('plans what cannot be trained, says why, and writes no settings', async () => {
    const regions = at('regions');
    cpSync(data, regions, { recursive: true });
    const all = Array.from({ length: 13 }, (_, i) => i + 1);
    const labels = { background: 0, both: all, one: 2 };
    writeFileSync(join(regions, 'dataset.json'), JSON.stringify({ ...json('data/dataset.json'), labels }));
    const { code, stdout, stderr } = await cliHere([
      ...['plan', '--data', regions, '--fingerprint', at('fingerprint'), '--like', 'nnunet'],
      ...['--out', at('regions.json')],
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^patch /m);
    expect(stderr).toMatch(
      /regions\.json: not written, since this cannot be trained yet: .*regions_class_order expects each of 1, 2 once, one a region; got none/,
    );
    expect(existsSync(at('regions.json'))).toBe(false);
  });

  it.each([
    ['--configuration', '2d', 'configuration 2d: 3d_fullres alone is planned, no 2D network and no cascade'],
    ['--nnunet-plans', 'plans.json', '--nnunet-plans expects --like'],
    ['--fingerprint', 'data/labelsTr/fp', 'which is read from; choose another folder for --fingerprint'],
  ])('refuses %s %s before anything is read', async (option, value, fault) => {
    const given = option === '--fingerprint' ? at(value) : value;
    const { code, stderr } = await plan(option, given, '--out', at('refused.json'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(fault) });
    expect(existsSync(at('refused.json'))).toBe(false);
  });
});

const plansOfNnunet = golden('nnunet-plans');

describe.skipIf(!plansOfNnunet)('nnU-Net’s plans (skipped where ../shared is not there)', () => {
  let out: string;
  beforeAll(() => {
    out = mkdtempSync(join(tmpdir(), 'organseg-plans-'));
  });
  afterAll(() => rmSync(out, { recursive: true }));
  const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));
  const planned = async (data: string) => {
    const outs = ['--out', join(out, 'plan.json'), '--nnunet-plans', join(out, 'plans.json')];
    for (const file of ['plan.json', 'plans.json']) rmSync(join(out, file), { force: true });
    expect(await cliHere(['plan', '--data', data, '--like', 'nnunet', ...outs])).toMatchObject({ code: 0 });
    return read(out, 'plans.json');
  };

  it.each([
    ['UPPECT', 'plans.json'],
    ['liver_timdehaan', 'plans.json'],
    ['FDG_PET_CT_NIH', 'nnUNetPlans.json'],
  ])('are those of %s, by its fingerprint', async (project, file) => {
    const theirs = read(plansOfNnunet!, project, file);
    const ours = await planned(join(plansOfNnunet!, project));
    const { patch_size, spacing, batch_size, normalization_schemes, use_mask_for_norm } =
      theirs.configurations['3d_fullres'];
    expect(ours).toMatchObject({
      transpose_forward: theirs.transpose_forward,
      configurations: {
        '3d_fullres': { patch_size, spacing, batch_size, normalization_schemes, use_mask_for_norm },
      },
    });
    const dataset = read(plansOfNnunet!, project, 'dataset.json');
    const network = (plans: object) =>
      describeModel({ json: plans, path: file }, { json: dataset, path: '' }, '3d_fullres').network;
    expect(network(ours)).toEqual(network(theirs));
  });

  it('are those of the hippocampus in MR, where dataset.json states all 260 cases', async () => {
    const scans = join(plansOfNnunet!, '../../data/hippocampus-mr');
    const data = join(out, 'hippocampus');
    mkdirSync(data);
    for (const name of ['imagesTr', 'labelsTr']) symlinkSync(join(scans, name), join(data, name), 'dir');
    cpSync(join(plansOfNnunet!, 'nnUNetfork_imagesTs/dataset.json'), join(data, 'dataset.json'));
    const { configurations } = await planned(data);
    expect(configurations['3d_fullres']).toMatchObject({ patch_size: [40, 56, 40], batch_size: 9 });
  });

  it('train ten of these cases as docs/own-data.md has it, shortened, by the one fold of splits_final.json', async () => {
    const scans = join(plansOfNnunet!, '../../data/hippocampus-mr');
    const data = join(out, 'ten');
    const names = readdirSync(join(scans, 'labelsTr')).sort().slice(0, 10);
    for (const [part, ending] of [
      ['imagesTr', '_0000.nii.gz'],
      ['labelsTr', '.nii.gz'],
    ] as const) {
      mkdirSync(join(data, part), { recursive: true });
      for (const name of names) {
        const file = name.replace('.nii.gz', ending);
        cpSync(join(scans, part, file), join(data, part, file));
      }
    }
    cpSync(join(scans, 'dataset.json'), join(data, 'dataset.json'));
    const cases = names.map((name) => name.replace('.nii.gz', ''));
    const split = { train: cases.slice(0, 8), val: cases.slice(8) };
    writeFileSync(join(data, 'splits_final.json'), JSON.stringify([split]));
    await planned(data);
    const { finished, best } = await cliJsonHere<{ finished: boolean; best: { meanDsc: number } }>([
      ...['train', '--data', data, '--config', join(out, 'plan.json'), '--out', join(out, 'run')],
      ...['--fold', '0', '--set', 'filters=[8,16,32,64]', 'batch=2', 'optimizer=adam', 'momentum=0.9'],
      ...['weightDecay=0', 'weightAverage=0.9', 'stepsPerEpoch=20', 'initial.epochs=2'],
      ...['initial.learningRate=0.004', 'initial.augment=false', 'validateEverySteps=40'],
    ]);
    expect(finished).toBe(true);
    expect(best.meanDsc).toBeGreaterThan(0.2); // 0.35; 800 steps on 160 cases give 0.88
  });
});
