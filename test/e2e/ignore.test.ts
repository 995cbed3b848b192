/** Voxels that nothing is known of: the ignore label of a data set, and pseudo-labels that are not probable enough. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLabelsFile, writeNiftiFile } from '../../packages/files/src/nifti.ts';
import { SafetensorsFile } from '../../packages/files/src/safetensorsFile.ts';
import { IGNORED } from '../../packages/kernels/src/codedLabels.ts';
import type { PseudoLabelManifest } from '../../packages/train/src/pseudo/manifest.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cliHere, cliJsonHere, lastLine } from '../cli.ts';

const IGNORE = 14;
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

let folder: string;
let data: string;
let settings: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  const config = join(folder, 'tiny.json');
  data = join(folder, 'data');
  const epochs = { epochs: 1, learningRate: 0.01, augment: true };
  writeFileSync(config, JSON.stringify({ ...TINY_NETWORK, initial: epochs, fineTuning: epochs }));
  const counts = ['--labelled', '2', '--unlabelled', '1', '--test', '1'];
  await cliJsonHere(['phantom', '--out', data, ...counts, '--spacing', '10']);
  const description = JSON.parse(readFileSync(join(data, 'dataset.json'), 'utf8'));
  description.labels.ignore = IGNORE;
  writeFileSync(join(data, 'dataset.json'), JSON.stringify(description));
  settings = ['--preset', 'small', '--config', config];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a label map again with another label in the first part of its voxels; returns the path. */
async function relabelled(path: string, to: string, label: number, share: number): Promise<string> {
  const labels = await readLabelsFile(path);
  const { length } = labels.data;
  await writeNiftiFile(to, { ...labels, data: labels.data.slice().fill(label, 0, share * length) });
  return to;
}

test('evaluate leaves voxels out whose reference is to be ignored', async () => {
  const truth = join(data, 'labelsTs', 'test_000.nii.gz');
  const prediction = await relabelled(truth, join(folder, 'test_000.nii.gz'), 1, 0.5);
  const scoreOf = async () => {
    const files = ['--prediction', prediction, '--reference', truth];
    return (await cliJsonHere<{ mean: { dsc: number; nsd: number } }>(['evaluate', ...files])).mean;
  };
  expect((await scoreOf()).dsc).toBeLessThan(0.9);
  await relabelled(truth, truth, IGNORE, 0.5);
  expect(await scoreOf()).toEqual({ dsc: 1, nsd: 1 });
  // A label that the data set does not know is refused as ever.
  await relabelled(truth, truth, 255, 0.5);
  const refused = await cliHere(['evaluate', '--prediction', prediction, '--reference', truth]);
  expect(lastLine(refused)).toMatch(/test_000\.nii\.gz: voxel .* is 255; labels are whole numbers/);
});

test('the pipeline learns from the other voxels alone, and ignores pseudo-labels by its setting', async () => {
  const [first, second] = ['labelled_000', 'labelled_001'].map((name) =>
    join(data, 'labelsTr', `${name}.nii.gz`),
  );
  const truth = join(data, 'labelsTs', 'test_000.nii.gz');
  for (const path of [first!, second!, truth]) await relabelled(path, path, IGNORE, 0.5);
  const out = join(folder, 'pipeline');
  const pipeline = ['pipeline', '--data', data, '--out', out, ...settings];
  const { labelNames, students } = await cliJsonHere<{
    labelNames: string[];
    students: { evaluation: { cases: { organs: object }[] } }[];
  }>([...pipeline, '--set', 'rounds=1', 'pseudoLeastProbability=0.1', 'selection=[{"strategy":"keep-all"}]']);
  expect(labelNames).toHaveLength(14);
  expect(Object.keys(students[0]!.evaluation.cases[0]!.organs)).toHaveLength(13);
  const manifest = readJson(join(out, 'pseudo-labels', 'manifest.json'));
  expect(manifest.options.leastProbability).toEqual(Array(14).fill(0.1));
});

test('pseudo-label ignores what is not probable enough, and train learns from the rest', async () => {
  const model = join(folder, 'pipeline', 'labelled-only');
  const labelled = async (name: string, ...options: string[]) => {
    const out = join(folder, name);
    const command = ['pseudo-label', '--model', model, '--images', join(data, 'imagesUn'), '--out', out];
    const manifest = await cliJsonHere<PseudoLabelManifest>([...command, ...options]);
    return { manifest, labels: (await readLabelsFile(join(out, 'unlabelled_000.nii.gz'))).data };
  };
  const keepAll = ['--selection', '[{"strategy":"keep-all"}]'];
  const all = await labelled('all', ...keepAll);
  // Of the vena cava every label counts, of other organs none does.
  const vein = 6;
  const least = all.manifest.cases[0]!.voxels;
  const list = [0.12, ...Object.keys(least).map((_, organ) => (organ + 1 === vein ? 0 : 1))];
  const options = ['--least-probability', list.join(), ...keepAll];
  const sure = await labelled('sure', ...options);
  const expected = all.labels.map((label, i) => {
    if (label === vein) return vein;
    return label > 0 ? IGNORED : sure.labels[i]!;
  });
  expect(sure.labels).toEqual(expected);
  const background = sure.labels.filter((_, i) => all.labels[i] === 0);
  expect(new Set(background)).toEqual(new Set([0, IGNORED]));
  const [{ voxels }] = sure.manifest.cases as [PseudoLabelManifest['cases'][number]];
  expect(Object.values(voxels).filter((count) => count > 0)).toEqual([least['inferior vena cava']]);
  expect(sure.manifest.options!.leastProbability).toEqual(list);

  const refused = async (...text: string[]) => {
    const out = ['--images', join(data, 'imagesUn'), '--out', join(folder, 'sure')];
    return lastLine(
      await cliHere(['pseudo-label', '--model', model, ...out, '--least-probability', ...text]),
    );
  };
  expect(await refused('0.5')).toMatch(/sure: holds labels made with leastProbability \[.*, not \[0\.5,/);
  expect(await refused('0')).toMatch(/sure: holds labels made with leastProbability \[.*, not none$/);
  expect(await refused('0.5,0.6')).toMatch(/a least probability expects one number, or 14$/);
  expect(await refused('60')).toMatch(/Expected numbers from 0 to 1/);

  // Of a model whose labels are translated, the numbers are those of the data set's labels.
  const table = join(folder, 'table.json');
  writeFileSync(table, JSON.stringify({ 'inferior vena cava': 'aorta' }));
  const aorta = 5;
  const never = Array.from({ length: 14 }, (_, label) => (label === aorta ? 1 : 0)).join();
  const mapped = await labelled('mapped', '--label-map', table, '--least-probability', never, ...keepAll);
  expect(mapped.labels).toEqual(all.labels.map((label) => (label === vein ? IGNORED : 0)));

  const run = join(folder, 'student');
  const training = ['train', '--out', run, '--init', model, '--pseudo', join(folder, 'sure')];
  expect(await cliJsonHere([...training, '--data', data, ...settings])).toMatchObject({ finished: true });
  const prepared = readdirSync(join(run, 'prepared')).find((name) => /^unlabelled.*labels/.test(name))!;
  const { values } = new SafetensorsFile(join(run, 'prepared', prepared)).tensor('counts');
  expect(values[IGNORED]).toBeGreaterThan(0);
  expect(values.findLastIndex((count, label) => count > 0 && label < IGNORED)).toBe(vein);
});

test('train refuses a data set that is ignored throughout', async () => {
  for (const name of ['labelled_000', 'labelled_001']) {
    const path = join(data, 'labelsTr', `${name}.nii.gz`);
    await relabelled(path, path, IGNORE, 1);
  }
  const blind = await cliHere(['train', '--data', data, '--out', join(folder, 'blind'), ...settings]);
  expect(lastLine(blind)).toMatch(
    /data: no training case holds any organ, its labels are all background or ignored$/,
  );
});
