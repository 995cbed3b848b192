/** Prepared cases on disk: made once, shared, and made anew where their sources change. */
import { readdirSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type DatasetCase, openDataset } from '@organseg/files/dataset.ts';
import { readLabelsFile, writeNiftiFile } from '@organseg/files/nifti.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder, tinyConfig, writePhantoms } from '../../test/fixture.ts';
import { CaseStore, type StoredCase } from './caseStore.ts';
import { preparedFor } from './prepareImage.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

async function phantom(): Promise<{ folder: string; source: DatasetCase; open: () => CaseStore }> {
  const root = temporaryFolder();
  const [data, folder] = [join(root, 'data'), join(root, 'prepared')];
  await writePhantoms(data, { labelled: 1, unlabelled: 0, test: 0 });
  const [source] = (await openDataset(data)).labelled;
  const config = tinyConfig();
  const wanted = preparedFor(config, ['CT']);
  return {
    folder,
    source: source!,
    open: () => new CaseStore(gpu, folder, wanted, config.classes),
  };
}

/** Names of the files, and when each was written. */
const written = (folder: string) =>
  new Map(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs]));

test('a run that shares the folder makes nothing anew; other labels of a case share its image', async () => {
  const { folder, source, open } = await phantom();
  const first = open();
  const size = await first.prepare(source);
  const before = written(folder);
  expect([...before.keys()].map((name) => name.replace(/\.[0-9a-f]+\./, '.')).sort()).toEqual([
    'labelled_000.image.safetensors',
    'labelled_000.labels.safetensors',
  ]);

  const second = open();
  expect(await second.prepare({ ...source })).toEqual(size);
  expect(written(folder)).toEqual(before);

  const organsAlone = await readLabelsFile(source.labels);
  const pseudo = { ...source, labels: join(folder, '../pseudo.nii.gz') };
  await writeNiftiFile(pseudo.labels, {
    ...organsAlone,
    data: organsAlone.data.map((id) => (id > 1 ? id : 0)),
  });
  const { labels: _, ...unlabelled }: StoredCase = source;
  for (const other of [pseudo, unlabelled]) await second.prepare(other);
  expect(written(folder).size).toBe(3);
  const [truth, made] = [first.load(source), second.load(pseudo)];
  expect(made.image).toEqual(truth.image);
  expect(made.labels).toEqual(truth.labels.map((id) => (id > 1 ? id : 0)));
  expect(second.paths(unlabelled)).toEqual({ image: second.paths(pseudo).image, labels: undefined });
});

test('voxels of the ignore label are IGNORED, and any other label beyond the classes is refused', async () => {
  const { folder, source, open } = await phantom();
  const [ignoreLabel, path] = [14, join(folder, '../partly.nii.gz')];
  const labels = await readLabelsFile(source.labels);
  const { length } = labels.data;
  await writeNiftiFile(path, { ...labels, data: labels.data.slice().fill(ignoreLabel, 0, length / 2) });
  const partly = { ...source, labels: path };
  await expect(open().prepare(partly)).rejects.toThrow(/holds label 14, dataset\.json knows 0 to 13$/);
  const store = open();
  const known = { ...partly, ignoreLabel };
  await store.prepare(known);
  await store.prepare(source);
  const [made, whole] = [store.load(known).labels, store.load(source).labels];
  const ignored = made.indexOf(IGNORED) === 0 ? made.lastIndexOf(IGNORED) + 1 : 0;
  expect(ignored / made.length).toBeGreaterThan(0.3);
  expect(made).toEqual(whole.slice().fill(IGNORED, 0, ignored));
  expect(store.labelVoxels(known)[IGNORED]).toBe(ignored);
  await writeNiftiFile(path, { ...labels, data: labels.data.slice().fill(200, 0, 1) });
  await expect(store.prepare(known)).rejects.toThrow(/holds label 200, dataset\.json knows 0 to 13$/);
});

test('two that prepare the same case at once both get it whole', async () => {
  const { folder, source, open } = await phantom();
  const [first, second] = [open(), open()];
  await Promise.all([first.prepare(source), second.prepare(source)]);
  expect(second.load(source)).toEqual(first.load(source));
  expect(written(folder).size).toBe(2);
});

test('what changed, and what is damaged, is made anew', async () => {
  const { folder, source, open } = await phantom();
  await open().prepare(source);
  const before = written(folder);
  utimesSync(source.labels, 1, 1);
  await open().prepare(source);
  expect(written(folder).size).toBe(before.size + 1);

  const store = open();
  await store.prepare(source);
  const { image } = store.load(source);
  for (const bytes of [0, 5, 200]) {
    truncateSync(store.paths(source).image, bytes);
    truncateSync(store.paths(source).labels!, bytes);
    await store.prepare(source);
    expect(store.load(source).image).toEqual(image);
  }
});

test('labels of another grid are refused, also where the image is there already', async () => {
  const { source, open } = await phantom();
  const store = open();
  await store.prepare(source);
  const { shape, data, ...rest } = await readLabelsFile(source.labels);
  const [x, y, z] = shape;
  const cut = { ...rest, shape: [x, y, z - 1] as const, data: data.subarray(0, x * y * (z - 1)) };
  await writeNiftiFile(source.labels, cut);
  await expect(store.prepare(source)).rejects.toThrow(/labelled_000\.nii\.gz has .* voxels, its reference/);
});
