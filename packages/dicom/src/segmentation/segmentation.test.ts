/** Segmentations, read back by other programs than the one that writes them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLARE22_LABEL_NAMES, FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { type Region, structuresOf } from '@organseg/core/regions.ts';
import { readScan } from '@organseg/core/volume/volumeStream.ts';
import dicomParser, { type DataSet } from 'dicom-parser';
import { expect, onTestFinished, test } from 'vitest';
import { readContents } from '../contents.ts';
import { dicomSeries, PATIENT, type SliceFixture } from '../dicomFixture.ts';
import { openSeries } from '../openSeries.ts';
import { codesOf } from './codes.ts';
import { encodeSegmentation } from './encodeSegmentation.ts';

const NOW = new Date(2024, 1, 3, 4, 5, 6);

/** The segmentation of a series of 4×3×3 voxels, labelled by their numbers. */
async function segmentationOf(
  labels: readonly number[],
  changed: SliceFixture = {},
  names = FLARE22_LABEL_NAMES,
  regions?: readonly Region[],
) {
  const stream = openSeries(await readContents(dicomSeries(3, changed)), 'FOLDER');
  const { shape, affine } = await readScan(stream);
  const structures = structuresOf(names, regions);
  return encodeSegmentation({ shape, affine, data: Uint8Array.from(labels) }, structures, stream, NOW);
}

/** Liver in two planes, left kidney in one, and a label that no name is known of. */
const VOXELS = [
  ...[0, 0, 1, 1, 0, 0, 0, 0, 13, 0, 0, 0],
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[1, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 1],
];

const item = (dataSet: DataSet, tag: string, index = 0): DataSet =>
  dataSet.elements[tag]!.items![index]!.dataSet!;

/** The label map that a segmentation holds, by dicom-parser, in the order of the scan's voxels. */
function labelsIn(bytes: Uint8Array): number[] {
  const dataSet = dicomParser.parseDicom(bytes);
  const [rows, columns] = [dataSet.uint16('x00280010')!, dataSet.uint16('x00280011')!];
  const { dataOffset } = dataSet.elements.x7fe00010!;
  const labels = new Array<number>(36).fill(0);
  const frames = dataSet.elements.x52009230!.items!;
  expect(dataSet.intString('x00280008')).toBe(frames.length);
  for (const [frame, { dataSet: groups }] of frames.entries()) {
    const segment = item(groups!, 'x0062000a').uint16('x0062000b')!;
    const position = item(groups!, 'x00209113').string('x00200032')!.split('\\').map(Number);
    const source = item(item(groups!, 'x00089124'), 'x00082112').string('x00081155');
    const z = (position[2]! - 30) / 5;
    expect(source).toBe(`1.2.3.4.${z + 1}`);
    for (let i = 0; i < rows * columns; i++) {
      const bit = frame * rows * columns + i;
      const [row, column] = [Math.floor(i / columns), i % columns];
      if (bytes[dataOffset + (bit >> 3)]! & (1 << (bit & 7)))
        labels[(z * rows + rows - 1 - row) * columns + column] = segment;
    }
  }
  return labels;
}

test('what of the patient the standard does not allow is left empty, not told', async () => {
  const bytes = await segmentationOf(VOXELS, {
    PatientBirthDate: '1950.01.01',
    PatientName: `${'D'.repeat(75)}^JANE`,
    SeriesNumber: 2 ** 31 - 1,
  });
  const dataSet = dicomParser.parseDicom(bytes);
  for (const tag of ['x00100010', 'x00100030']) expect(dataSet.elements[tag]!.length).toBe(0);
  expect(dataSet.string('x00100020')).toBe(PATIENT.PatientID);
  expect(dataSet.intString('x00200011')).toBe(2 ** 31 - 1);
});

test('a name in another character set is written in the letters that all have', async () => {
  const bytes = await segmentationOf(VOXELS, {
    SpecificCharacterSet: ['', 'ISO 2022 IR 87'],
    PatientName: 'Yamada^Tarou=\u001b$B;3ED\u001b(B',
  });
  expect(dicomParser.parseDicom(bytes).string('x00100010')).toBe('Yamada^Tarou');
});

test('dicom-parser finds each voxel, the codes, the patient and the references', async () => {
  const bytes = await segmentationOf(VOXELS);
  expect(labelsIn(bytes)).toEqual(VOXELS.map((label) => (label === 200 ? 0 : label)));
  const dataSet = dicomParser.parseDicom(bytes);
  expect(dataSet.string('x00100010')).toBe(PATIENT.PatientName);
  expect(dataSet.string('x0020000d')).toBe('1.2.3.1');
  expect(dataSet.string('x00200052')).toBe('1.2.3.3');
  expect(dataSet.string('x0020000e')).not.toBe('1.2.3.2');
  const kidney = item(dataSet, 'x00620002', 12);
  expect(kidney.string('x00620005')).toBe('left kidney');
  expect(item(kidney, 'x0062000f').string('x00080100')).toBe('64033007');
  expect(item(item(kidney, 'x0062000f'), 'x00620011').string('x00080100')).toBe('7771000');
  expect(item(dataSet, 'x00081115').elements.x0008114a!.items).toHaveLength(3);
});

test('a region has a segment of all its voxels, which others hold too', async () => {
  const regions = [
    { labels: [1, 2, 3], label: 1 },
    { labels: [2, 3], label: 2 },
    { labels: [3], label: 3 },
  ];
  const voxels = [1, 2, 3, 3, ...new Array<number>(32).fill(0)];
  const dataSet = dicomParser.parseDicom(
    await segmentationOf(voxels, {}, ['background', 'tumour', 'core', 'enhancing'], regions),
  );
  expect(dataSet.string('x00620013')).toBe('YES');
  expect(dataSet.elements.x52009230!.items).toHaveLength(3);
  // Of each frame the bits of the last row, which is the volume's first: 12 voxels a frame.
  const { dataOffset } = dataSet.elements.x7fe00010!;
  const bits = [0, 1, 2].map((frame) =>
    [0, 1, 2, 3].map((x) => {
      const bit = 12 * frame + 8 + x;
      return (dataSet.byteArray[dataOffset + (bit >> 3)]! >> (bit & 7)) & 1;
    }),
  );
  expect(bits).toEqual([
    [1, 1, 1, 1],
    [0, 1, 1, 1],
    [0, 0, 1, 1],
  ]);
});

test('where nothing is labelled, a frame without voxels says so', async () => {
  const bytes = await segmentationOf(new Array<number>(36).fill(0));
  expect(labelsIn(bytes)).toEqual(new Array<number>(36).fill(0));
});

test('a series without a frame of reference is refused', async () => {
  await expect(segmentationOf(VOXELS, { FrameOfReferenceUID: undefined })).rejects.toThrow(
    'slice0: has no FrameOfReferenceUID, which a segmentation needs',
  );
});

test('organs are known by what data sets call them; others are tissue', () => {
  for (const name of ['right kidney', 'kidney_right', 'Right Kidney', 'RK'])
    expect(codesOf(name)).toMatchObject({ type: { CodeValue: '64033007' }, side: { CodeMeaning: 'Right' } });
  expect(codesOf('gall_bladder').type.CodeMeaning).toBe('Gallbladder');
  expect(FLARE22_ORGANS.map(({ longName }) => codesOf(longName).type.CodeMeaning)).not.toContain('Tissue');
  expect(codesOf('tumour')).toMatchObject({ type: { CodeMeaning: 'Tissue' }, side: undefined });
});

/** Writes a segmentation to a file that is removed after the test. */
function written(bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'seg.dcm'), bytes);
  return join(folder, 'seg.dcm');
}

const PYTHON = ['python3', '/usr/bin/python3'].find(
  (python) => spawnSync(python, ['-c', 'import pydicom, numpy']).status === 0,
);
test.skipIf(!PYTHON)('pydicom reads the same frames (skipped without pydicom)', async () => {
  const program = `
import sys, pydicom
d = pydicom.dcmread(sys.argv[1])
print(d.SOPClassUID.name, d.Modality, d.PatientName, d.pixel_array.shape, d.pixel_array.sum(axis=(1, 2)).tolist())
print([g.SegmentIdentificationSequence[0].ReferencedSegmentNumber for g in d.PerFrameFunctionalGroupsSequence])
print(d.pixel_array[0].tolist())`;
  const { stdout, stderr } = spawnSync(PYTHON!, ['-c', program, written(await segmentationOf(VOXELS))], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual([
    'Segmentation Storage SEG DOE^JANE (3, 3, 4) [2, 2, 1]',
    '[1, 1, 13]',
    '[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]',
  ]);
});

const HAS_VALIDATOR = spawnSync('dciodvfy', ['-version']).error === undefined;
test.skipIf(!HAS_VALIDATOR)('dciodvfy finds no fault (skipped without dicom3tools)', async () => {
  const { stdout, stderr } = spawnSync('dciodvfy', [written(await segmentationOf(VOXELS))], {
    encoding: 'utf8',
  });
  expect(`${stdout}${stderr}`).toMatch(/^Segmentation$/m);
  expect(`${stdout}${stderr}`).not.toMatch(/^Error/m);
});
