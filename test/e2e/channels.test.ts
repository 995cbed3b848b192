/** Scans of several channels that are no CT, from their plan to their scores. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../packages/core/src/random.ts';
import { scaleAndShift } from '../../packages/core/src/volume/affine.ts';
import { voxelCount, type Xyz } from '../../packages/core/src/volume/volume.ts';
import { writeNiftiFile } from '../../packages/files/src/nifti.ts';
import { cliHere, cliJsonHere, lastLine } from '../cli.ts';

const SHAPE: Xyz = [24, 20, 16];
const DESCRIPTION = {
  channel_names: { 0: 'T1', 1: 'T2' },
  labels: { background: 0, front: 1, back: 2 },
  file_ending: '.nii.gz',
};

/** Trains in seconds. */
const SETTINGS = [
  ...['filters=[6,12]', 'kernels=[[3,3,3],[3,3,3]]', 'strides=[[1,1,1],[2,2,2]]'],
  ...['patch=[16,20,24]', 'deepSupervision=false', 'batch=1', 'augmentations=[]', 'weightAverage=0.9'],
  ...['optimizer=adam', 'momentum=0.9', 'initial.learningRate=0.01', 'stepsPerEpoch=10', 'initial.epochs=8'],
  ...['validateEverySteps=80'],
];

/** A ball in two halves, bright in T1 and dark in T2; every scan has a scale of its own, as MR has. */
async function writeCase(folder: string, set: string, name: string, seed: number): Promise<void> {
  const random = new Random(seed);
  const gains = [random.uniform(1, 30), random.uniform(1, 30)];
  const centre = [12, 10, 8].map((at) => at + random.uniform(-3, 3));
  const labels = new Uint8Array(voxelCount(SHAPE));
  const channels = gains.map(() => new Float32Array(labels.length));
  for (let i = 0; i < labels.length; i++) {
    const at = [i % 24, Math.floor(i / 24) % 20, Math.floor(i / 480)];
    const isInside = Math.hypot(...at.map((x, axis) => x - centre[axis]!)) < 5.5;
    labels[i] = isInside ? (at[1]! > centre[1]! ? 1 : 2) : 0;
    // The halves differ in the second channel alone.
    const contrast = [isInside ? 1 : 0, [0, -1, 1][labels[i]!]!];
    for (const [c, channel] of channels.entries())
      channel[i] = gains[c]! * (5 + 2 * contrast[c]! + random.normal(0, 0.3));
  }
  const affine = scaleAndShift([1, 1, 1], [0, 0, 0]);
  for (const [c, data] of channels.entries())
    await writeNiftiFile(join(folder, `images${set}`, `${name}_000${c}.nii.gz`), {
      shape: SHAPE,
      affine,
      data,
    });
  if (set !== 'Un')
    await writeNiftiFile(join(folder, `labels${set}`, `${name}.nii.gz`), {
      shape: SHAPE,
      affine,
      data: labels,
    });
}

describe('a data set of two channels of MR', () => {
  let folder: string;
  let data: string;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-channels-'));
    data = at('data');
    for (const part of ['imagesTr', 'labelsTr', 'imagesUn', 'imagesTs', 'labelsTs'])
      mkdirSync(join(data, part), { recursive: true });
    writeFileSync(join(data, 'dataset.json'), JSON.stringify(DESCRIPTION));
    for (const [i, set] of ['Tr', 'Tr', 'Tr', 'Tr', 'Un', 'Un', 'Ts'].entries())
      await writeCase(data, set, `case_${i}`, i);
    const plan = ['plan', '--data', data, '--memory', '300', '--out', at('plan.json')];
    expect(await cliHere(plan)).toMatchObject({ code: 0, stdout: expect.stringContaining('written') });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is planned with nnU-Net’s normalisation of each, and augmentations in its unit', () => {
    const { channels, augmentations } = JSON.parse(readFileSync(at('plan.json'), 'utf8'));
    expect(channels).toEqual([0, 1].map(() => ({ scheme: 'ZScoreNormalization', useMask: false })));
    expect(augmentations).toContainEqual({ kind: 'noise', probability: 0.1, mean: [0, 0], std: [0, 0.3] });
  });

  it('is refused in one line by settings for CT', async () => {
    const finished = await cliHere(['train', '--data', data, '--out', at('ct'), '--preset', 'small']);
    expect(finished.code).toBe(1);
    expect(lastLine(finished)).toMatch(
      /data: has the channels T1, T2, and these settings are for one of CT; /,
    );
    expect(existsSync(at('ct'))).toBe(false);
  });

  it('goes through the pipeline: copy-paste with unlabelled scans, predictions, scores, report', async () => {
    const out = at('out');
    const { labelledOnly, students } = await cliJsonHere<{
      labelledOnly: { mean: { dsc: number } };
      students: { evaluation: { mean: { dsc: number } } }[];
    }>([
      'pipeline',
      '--data',
      data,
      '--out',
      out,
      '--plan',
      at('plan.json'),
      '--prepared',
      at('prepared'),
      '--set',
      ...SETTINGS,
      'copyPaste.pseudoLabels.refresh=20',
    ]);
    expect(labelledOnly.mean.dsc).toBeGreaterThan(0.8);
    expect(students[0]!.evaluation.mean.dsc).toBeGreaterThan(0.8);
    expect(existsSync(join(out, 'prepared'))).toBe(false);
    expect(readdirSync(at('prepared')).some((name) => name.startsWith('case_0.'))).toBe(true);
    const { channelNames, sources } = JSON.parse(
      readFileSync(join(out, 'labelled-only/config.json'), 'utf8'),
    );
    expect(channelNames).toEqual(['T1', 'T2']);
    expect(Object.keys(sources)).toContain('imagesTr/case_0_0001.nii.gz');
    const report = readFileSync(join(out, 'report.html'), 'utf8');
    expect(report).toContain('ZScoreNormalization, ZScoreNormalization');
    expect(report).toContain('<tr><th>settings<td>plan.json');
  });

  it('is trained by nested regions with an ignore label, predicted and scored by regions', async () => {
    const regions = at('regions');
    cpSync(data, regions, { recursive: true });
    const labels = { background: 0, ball: [1, 2], back: [2], ignore: 3 };
    const description = { ...DESCRIPTION, labels, regions_class_order: [1, 2] };
    writeFileSync(join(regions, 'dataset.json'), JSON.stringify(description));
    const [out, plan] = [at('by-regions'), at('regions.json')];
    const how = ['--data', regions, '--fingerprint', at('fingerprint')];
    expect(
      await cliHere(['plan', ...how, '--memory', '300', '--preset', 'noisy-student', '--out', plan]),
    ).toMatchObject({
      code: 0,
    });
    const copyPaste = await cliHere(['train', '--data', regions, '--out', out, '--config', at('plan.json')]);
    expect(lastLine(copyPaste)).toMatch(/regions: its labels are regions, which copyPaste cannot learn from/);
    await cliJsonHere(['train', '--data', regions, '--out', out, '--config', plan, '--set', ...SETTINGS]);
    const { config, labelNames } = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
    expect(labelNames).toEqual(['background', 'ball', 'back']);
    expect(config.regions).toEqual([
      { labels: [1, 2], label: 1 },
      { labels: [2], label: 2 },
    ]);
    const other = { ...description, labels: { ...labels, ball: [1], back: [1, 2] } };
    writeFileSync(join(regions, 'dataset.json'), JSON.stringify(other));
    expect(lastLine(await cliHere(['train', '--out', out, '--resume']))).toBe(
      `organseg: ${out}: ${join(regions, 'dataset.json')} has changed since it was started: regions [{"labels":[1,2],"label":1},{"labels":[2],"label":2}], not [{"labels":[1],"label":1},{"labels":[1,2],"label":2}]`,
    );
    writeFileSync(join(regions, 'dataset.json'), JSON.stringify(description));
    const predictions = at('predictions');
    await cliJsonHere([
      'predict',
      '--model',
      out,
      '--input',
      join(regions, 'imagesTs'),
      '--out',
      predictions,
      '--statistics',
    ]);
    const statistics = JSON.parse(readFileSync(join(predictions, 'case_6_statistics.json'), 'utf8'));
    expect(Object.keys(statistics.back)).toEqual(['ids', 'voxels', 'volumeMl', 'meanIntensity']); // of MR, no HU
    expect(statistics.ball.voxels).toBeGreaterThan(statistics.back.voxels);
    const { cases } = await cliJsonHere<{ cases: { organs: Record<string, { dsc: number }> }[] }>([
      ...['evaluate', '--prediction', predictions, '--reference', join(regions, 'labelsTs')],
    ]);
    // The ball holds its back: as labels apart they would be each other's complement.
    expect(Object.keys(cases[0]!.organs)).toEqual(['ball', 'back']);
    expect(cases[0]!.organs.ball!.dsc).toBeGreaterThan(0.8);
    expect(cases[0]!.organs.back!.dsc).toBeGreaterThan(0.7);
  });
});
