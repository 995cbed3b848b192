/** Voxels that nothing is known of: the ignore label of a data set. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLabelsFile, writeNiftiFile } from '../../packages/files/src/nifti.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cliHere, cliJsonHere, lastLine } from '../cli.ts';

const IGNORE = 14;

let folder: string;
let data: string;
let training: string[];

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
  training = ['train', '--data', data, '--preset', 'small', '--config', config];
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

test('train learns from the other voxels alone, and tells where there are none', async () => {
  const [first, second] = ['labelled_000', 'labelled_001'].map((name) =>
    join(data, 'labelsTr', `${name}.nii.gz`),
  );
  await relabelled(first!, first!, IGNORE, 0.5);
  await relabelled(second!, second!, IGNORE, 0.5);
  const run = join(folder, 'run');
  expect(await cliJsonHere([...training, '--out', run])).toMatchObject({ finished: true });
  expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')).labelNames).toHaveLength(14);

  await relabelled(first!, first!, IGNORE, 1);
  await relabelled(second!, second!, IGNORE, 1);
  expect(lastLine(await cliHere([...training, '--out', join(folder, 'blind')]))).toMatch(
    /data: no training case holds any organ, its labels are all background or ignored$/,
  );
});
