import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
    'labelsTr/a.nii.gz',
    'labelsTr/b.nii.gz',
    'imagesUn/u_1_0000.nii.gz',
    'imagesTs/t_0000.nii.gz',
  ]);
  expect(await openDataset(folder)).toEqual({
    folder,
    labelNames: ['background', 'liver', 'spleen'],
    labelled: ['a', 'b'].map((name) => ({
      name,
      image: join(folder, 'imagesTr', `${name}_0000.nii.gz`),
      labels: join(folder, 'labelsTr', `${name}.nii.gz`),
    })),
    unlabelled: [{ name: 'u_1', image: join(folder, 'imagesUn', 'u_1_0000.nii.gz') }],
    test: [{ name: 't', image: join(folder, 'imagesTs', 't_0000.nii.gz') }],
  });
});

test('reads the description of nnU-Net’s first version', async () => {
  const labels = { 0: 'background', 2: 'spleen', 1: 'liver' };
  const { labelNames } = await openDataset(folderWith({ labels, modality: { 0: 'CT' } }));
  expect(labelNames).toEqual(['background', 'liver', 'spleen']);
});

test.each([
  [undefined, /dataset\.json: no such file/],
  ['', /dataset\.json: is empty/],
  ['{', /dataset\.json: is not JSON at line 1, column 2$/],
  ['{"labels": {\n  "background": 0,\n}}', /dataset\.json: is not JSON at line 3, column 1$/],
  ['{"labels":\n [0, 1,, 2]}', /dataset\.json: is not JSON at line 2, column 8$/],
  ["{'labels': 1}", /dataset\.json: is not JSON at line 1, column 2$/],
  [{ labels: { background: '0', liver: '1' } }, /labels: the id of background is text, "0", not a number$/],
  [{ labels: 3 }, /dataset\.json: labels: expects names with ids/],
  [{ ...DESCRIPTION, labels: { background: 0, liver: 2 } }, /labels expects ids 0, 1, 2/],
  [{ ...DESCRIPTION, file_ending: '.png' }, /file_ending: only \.nii\.gz is read/],
  [{ ...DESCRIPTION, labels: { background: 0 } }, /labels expects the background and 1 to 254 organs/],
  [{ labels: { 0: 'background', 1: 'liver', 2: 'liver' } }, /labels expects each name once/],
  [{ labels: { 0: 'background', 1: 'liver' }, modality: { 0: 'T1', 1: 'T2' } }, /expects one channel/],
  [{ ...DESCRIPTION, channel_names: { 0: 'CT', 1: 'PET' } }, /channel_names expects one channel/],
])('a dataset.json of %j is refused by name', async (description, message) => {
  await expect(openDataset(folderWith(description))).rejects.toThrow(message);
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
