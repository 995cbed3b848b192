/** Folders of DICOM files, told from others by how the files in them begin. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dicomSeries, dicomSlice } from '@organseg/dicom/dicomFixture.ts';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../train/test/fixture.ts';
import { dicomContents, holdsDicom, isDicomFolder } from './dicomFolder.ts';

async function isDicom(bytes: Uint8Array): Promise<boolean[]> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), bytes);
  return [await holdsDicom(folder), await isDicomFolder(folder)];
}

test('files are DICOM with a preamble or without, and other files that begin with a small number are not', async () => {
  const slice = await dicomSlice(0).read();
  expect(await isDicom(slice)).toEqual([true, true]);
  expect(await isDicom(slice.subarray(132))).toEqual([true, true]);
  for (const first of [2, 8])
    expect(await isDicom(new Uint8Array(Uint32Array.of(first, 1000, ...Array(62).fill(7)).buffer))).toEqual([
      false,
      false,
    ]);
});

test('a disc is read by its directory', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'DICOM'));
  for (const { name, read } of dicomSeries(2)) writeFileSync(join(folder, 'DICOM', name), await read());
  writeFileSync(join(folder, 'DICOMDIR'), 'DICOMDIR');
  const { series } = await dicomContents(join(folder, 'DICOMDIR'));
  expect(series.map(({ slices }) => slices.length)).toEqual([2]);
});
