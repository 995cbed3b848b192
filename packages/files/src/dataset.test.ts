/** Data sets in nnU-Net’s layout: what is listed, refused and said. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../train/test/fixture.ts';
import { openDataset } from './dataset.ts';

const DESCRIPTION = {
  channel_names: { 0: 'CT' },
  labels: { background: 0, liver: 1, spleen: 2 },
  file_ending: '.nii.gz',
};

function folderWith(description: unknown, files: string[] = []): string {
  const folder = temporaryFolder();
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), '');
  }
  if (description !== undefined) {
    const text = typeof description === 'string' ? description : JSON.stringify(description);
    writeFileSync(join(folder, 'dataset.json'), text);
  }
  return folder;
}

test('lists cases by nnU-Net’s names, sorted, and ignores other files', async () => {
  const folder = folderWith(DESCRIPTION, [
    'imagesTr/b_0000.nii.gz',
    'imagesTr/a_0000.nii.gz',
    'imagesTr/notes.txt',
    'imagesTr/.DS_Store',
    'imagesTr/._a_0000.nii.gz',
    'labelsTr/a.nii.gz',
    'labelsTr/b.nii.gz',
    'imagesUn/u_1_0000.nii.gz',
    'imagesTs/t_0000.nii.gz',
  ]);
  expect(await openDataset(folder)).toEqual({
    folder,
    channelNames: ['CT'],
    labelNames: ['background', 'liver', 'spleen'],
    labelled: ['a', 'b'].map((name) => ({
      name,
      image: join(folder, 'imagesTr', `${name}_0000.nii.gz`),
      labels: join(folder, 'labelsTr', `${name}.nii.gz`),
    })),
    unlabelled: [{ name: 'u_1', image: join(folder, 'imagesUn', 'u_1_0000.nii.gz') }],
    test: [{ name: 't', image: join(folder, 'imagesTs', 't_0000.nii.gz') }],
    notes: [],
  });
});

test('reads the description of nnU-Net’s first version', async () => {
  const labels = { 0: 'background', 2: 'spleen', 1: 'liver' };
  const { labelNames } = await openDataset(folderWith({ labels, modality: { 0: 'CT' } }));
  expect(labelNames).toEqual(['background', 'liver', 'spleen']);
});

test.each([
  { background: 0, liver: 1, ignore: 2 },
  { 0: 'background', 1: 'liver', 2: 'IGNORE' },
])('the ignore label of %j is no class, and known of each case with labels', async (labels) => {
  const files = ['imagesTr/a_0000.nii.gz', 'labelsTr/a.nii.gz', 'imagesUn/u_0000.nii.gz'];
  const dataset = await openDataset(folderWith({ labels }, files));
  expect(dataset).toMatchObject({ labelNames: ['background', 'liver'], ignoreLabel: 2 });
  expect(dataset.labelled.map(({ ignoreLabel }) => ignoreLabel)).toEqual([2]);
  expect(dataset.unlabelled[0]).not.toHaveProperty('ignoreLabel');
});

test.each([
  [undefined, /dataset\.json: no such file/],
  ['', /dataset\.json: is empty/],
  ['{', /dataset\.json: is not JSON at line 1, column 2$/],
  ['{"labels": {\n  "background": 0,\n}}', /dataset\.json: is not JSON at line 3, column 1$/],
  ['{"labels":\n [0, 1,, 2]}', /dataset\.json: is not JSON at line 2, column 8$/],
  ["{'labels': 1}", /dataset\.json: is not JSON at line 1, column 2$/],
  [{ labels: { background: '0', liver: '1' } }, /labels: the id of background is text, "0", not a number$/],
  [{ labels: { background: 0, liver: '1' } }, /labels: the id of liver is text, "1", not a number$/],
  [{ labels: { background: 0, liver: [] } }, /labels\.liver: expects names with ids/],
  [{ labels: { background: 0, liver: [1, 2] } }, /regions_class_order expects each of 1 once, .* got none$/],
  [
    { labels: { background: 0, liver: [1, 2], lesion: 2 }, regions_class_order: [1, 1] },
    /regions_class_order expects each of 1, 2 once, one a region; got 1, 1$/,
  ],
  [
    { labels: { background: 0, liver: [1, 3], lesion: 3 }, regions_class_order: [1, 2] },
    /the regions expect to hold the ids 1, 2$/,
  ],
  [
    { labels: { background: 0, 7: [1, 2], lesion: 2 }, regions_class_order: [1, 2] },
    /the region named 7 has a number for a name/,
  ],
  [
    { labels: { background: 0, liver: [1, 2], lesion: 2, ignore: 4 }, regions_class_order: [1, 2] },
    /ignore expects the highest id, 3, got 4$/,
  ],
  [{ labels: 3 }, /dataset\.json: labels: expects names with ids/],
  [{ ...DESCRIPTION, labels: { background: 0, liver: 2 } }, /labels expects ids 0, 1, 2/],
  [{ ...DESCRIPTION, file_ending: '.png' }, /file_ending: only \.nii\.gz is read/],
  [{ ...DESCRIPTION, labels: { background: 0 } }, /labels expects the background and 1 to 254 organs/],
  [{ labels: { 0: 'background', 1: 'liver', 2: 'liver' } }, /labels expects each name once/],
  [{ labels: { 0: 'background', 1: 'liver' }, modality: { 0: 'T1', 2: 'T2' } }, /modality: expects names by/],
  [{ ...DESCRIPTION, channel_names: {} }, /channel_names: expects names by the channels’ numbers/],
  [{ ...DESCRIPTION, channel_names: ['CT'] }, /channel_names: expects names .*, such as \{"0": "CT"\}/],
  [[], /dataset\.json: expected an object \{…\}, got a list \[…\]$/],
  ['"data"', /dataset\.json: expected an object \{…\}, got text$/],
  [{ labels: { background: 0, ignore: 1, liver: 2 } }, /labels: ignore expects the highest id, 2, got 1$/],
  [{ labels: { background: 0, liver: 1, Ignore: 255 } }, /Ignore expects the highest id, 2, got 255$/],
  [{ labels: { background: 0, liver: 1, ignore: 2, Ignore: 3 } }, /labels expects one ignore label$/],
  [{ labels: { background: 0, liver: 1, ignore: [2] } }, /labels: ignore expects one id, not a list$/],
  [{ labels: { background: 0, ignore: 1 } }, /labels expects the background and 1 to 254 organs/],
])('a dataset.json of %j is refused by name', async (description, message) => {
  await expect(openDataset(folderWith(description))).rejects.toThrow(message);
});

test('a list of one id is that label, as in nnU-Net, unless another list makes regions of all', async () => {
  const labels = { background: 0, liver: 1, lesion: [2] };
  const plain = await openDataset(folderWith({ labels, regions_class_order: [2, 1] }));
  expect(plain.labelNames).toEqual(['background', 'liver', 'lesion']);
  expect(plain.regions).toBeUndefined();
  const nested = { ...labels, liver: [1, 2] };
  const { regions } = await openDataset(folderWith({ labels: nested, regions_class_order: [1, 2] }));
  expect(regions).toHaveLength(2);
});

test('regions have names by the labels that they are written with, in the order of dataset.json', async () => {
  const labels = { background: 0, lesion: [2], liver: [1, 2], ignore: 3 };
  const dataset = await openDataset(folderWith({ labels, regions_class_order: [2, 1] }));
  expect(dataset).toMatchObject({
    labelNames: ['background', 'liver', 'lesion'],
    ignoreLabel: 3,
    regions: [
      { labels: [2], label: 2 },
      { labels: [1, 2], label: 1 },
    ],
  });
});

test('a scan has a file for each channel; one that lacks another than the first is refused', async () => {
  const channel_names = { 1: 'PET', 0: 'CT' };
  const files = ['labelsTr/a.nii.gz', 'imagesTr/a_0000.nii.gz', 'imagesUn/u_0000.nii.gz'];
  const both = [...files, 'imagesTr/a_0001.nii.gz', 'imagesUn/u_0001.nii.gz'];
  const dataset = await openDataset(folderWith({ ...DESCRIPTION, channel_names }, both));
  expect(dataset).toMatchObject({ channelNames: ['CT', 'PET'], notes: [] });
  expect(dataset.labelled.map(({ image }) => basename(image))).toEqual(['a_0000.nii.gz']);
  for (const lost of ['imagesTr/a_0001.nii.gz', 'imagesUn/u_0001.nii.gz']) {
    const folder = folderWith(
      { ...DESCRIPTION, channel_names },
      both.filter((file) => file !== lost),
    );
    await expect(openDataset(folder)).rejects.toThrow(`${join(folder, lost)}: missing, though there is`);
  }
});

test('channels that dataset.json does not name are left out by name', async () => {
  const files = ['labelsTr/a.nii.gz', 'imagesTr/a_0000.nii.gz', 'imagesTr/a_0001.nii.gz'];
  await expect(openDataset(folderWith(DESCRIPTION, files))).rejects.toThrow(/left out: a_0001\.nii\.gz$/);
});

test('images of training that are left out by their names are refused, counted and named', async () => {
  const others = ['b.nii.gz', 'c_0000.NII.GZ', 'd_0000.nii', 'e_0001.nii.gz', 'f.nrrd', 'g.hdr', 'g.img'];
  const files = ['a_0000.nii.gz', ...others].map((file) => `imagesTr/${file}`);
  await expect(openDataset(folderWith(DESCRIPTION, ['labelsTr/a.nii.gz', ...files]))).rejects.toThrow(
    /imagesTr: 7 files not named CASE_0000\.nii\.gz, left out: b\.nii\.gz, .*, f\.nrrd and 2 more$/,
  );
});

test('folders of images among images are refused, or told, by name', async () => {
  const cases = ['imagesTr/a_0000.nii.gz', 'labelsTr/a.nii.gz'];
  await expect(
    openDataset(folderWith(DESCRIPTION, [...cases, 'imagesTr/site/b_0000.nii.gz', 'imagesTr/notes/b.txt'])),
  ).rejects.toThrow(/imagesTr: 1 folder not named CASE_0000\.nii\.gz, left out: site\/$/);
  const folder = folderWith(DESCRIPTION, [
    ...cases,
    'labelsTr/old/a.nii.gz',
    'imagesUn/site/u_0000.nii.gz',
    'imagesTr/__MACOSX/._a_0000.nii.gz',
  ]);
  expect((await openDataset(folder)).notes).toEqual([
    `${join(folder, 'labelsTr')}: 1 folder not named CASE.nii.gz, left out: old/`,
    `${join(folder, 'imagesUn')}: 1 folder not named CASE_0000.nii.gz, left out: site/`,
  ]);
});

test('a label map whose name is of other case is pointed out', async () => {
  const files = ['imagesTr/a_0000.nii.gz', 'labelsTr/A.nii.gz'];
  await expect(openDataset(folderWith(DESCRIPTION, files))).rejects.toThrow(
    /labelsTr\/a\.nii\.gz: missing, though there is .*a_0000\.nii\.gz, and .*A\.nii\.gz, of other case$/,
  );
});

test('what is left out besides, and what does not add up, is told', async () => {
  const folder = folderWith({ ...DESCRIPTION, numTraining: 3 }, [
    'imagesTr/a_0000.nii.gz',
    'labelsTr/a.nii.gz',
    'labelsTr/b.nii.gz',
    'labelsTr/c.nii',
    'imagesUn/u.nii.gz',
    'imagesTs/t_0000.NII.gz',
  ]);
  const at = (path: string) => join(folder, path);
  expect((await openDataset(folder)).notes).toEqual([
    `${at('labelsTr')}: 1 file not named CASE.nii.gz, left out: c.nii`,
    `${at('labelsTr')}: 1 label map without an image: b`,
    `${at('dataset.json')}: numTraining is 3, imagesTr holds 1 case`,
    `${at('imagesUn')}: 1 file not named CASE_0000.nii.gz, left out: u.nii.gz`,
    `${at('imagesTs')}: 1 file not named CASE_0000.nii.gz, left out: t_0000.NII.gz`,
  ]);
  const asText = folderWith({ ...DESCRIPTION, numTraining: '50' }, [
    'imagesTr/a_0000.nii.gz',
    'labelsTr/a.nii.gz',
  ]);
  expect((await openDataset(asText)).notes).toEqual([
    `${join(asText, 'dataset.json')}: numTraining is "50", imagesTr holds 1 case`,
  ]);
});

test('links that lead nowhere, directories and folders of other case are refused by name', async () => {
  const link = folderWith(DESCRIPTION, ['imagesTr/a_0000.nii.gz', 'labelsTr/b.nii.gz']);
  symlinkSync('/annex/none', join(link, 'labelsTr/a.nii.gz'));
  await expect(openDataset(link)).rejects.toThrow(/labelsTr\/a\.nii\.gz: no such file or directory$/);
  const unzipped = folderWith(DESCRIPTION, ['imagesTr/a_0000.nii.gz/a.nii', 'labelsTr/a.nii.gz']);
  await expect(openDataset(unzipped)).rejects.toThrow(/a_0000\.nii\.gz: is a directory$/);
  const capital = folderWith(DESCRIPTION, ['ImagesTr/a_0000.nii.gz']);
  await expect(openDataset(capital)).rejects.toThrow(/ImagesTr: expected to be called imagesTr$/);
});

test.each(['utf8', 'utf16le'] as const)('a byte order mark names the encoding: %s', async (encoding) => {
  const folder = folderWith('');
  writeFileSync(join(folder, 'dataset.json'), `\ufeff${JSON.stringify(DESCRIPTION)}`, encoding);
  expect((await openDataset(folder)).labelNames).toHaveLength(3);
});

test('a labelled image without labels is named', async () => {
  const folder = folderWith(DESCRIPTION, ['imagesTr/a_0000.nii.gz', 'labelsTr/a.nii.gz']);
  rmSync(join(folder, 'labelsTr/a.nii.gz'));
  await expect(openDataset(folder)).rejects.toThrow(
    /labelsTr\/a\.nii\.gz: missing, though there is .*a_0000/,
  );
});
