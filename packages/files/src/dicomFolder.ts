/** Folders of DICOM files, whatever their names and however deep they lie; and single files of several frames. */
import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { DicomStream } from '@organseg/dicom/openSeries.ts';
import { withPreamble } from '@organseg/dicom/preamble.ts';
import { asInputError } from './errors.ts';
import { hasNiftiName } from './nifti.ts';
import { namesIn, readBytes, statOf } from './read.ts';

/** How deep exported discs put their files: DICOM/PATIENT/STUDY/SERIES, and some more. */
const MOST_FOLDERS = 8;

/** A preamble and the mark behind it: as much as tells DICOM from other files. */
const START_BYTES = 132;

/**
 * Regular files of a folder and those below it, in the order of their names; hidden ones are passed over, and what is
 * no regular file. Throws InputError.
 */
export async function filesBelow(folder: string, depth = 0, seen = new Set<string>()): Promise<string[]> {
  const { dev, ino } = await statOf(folder);
  // Links may lead round in a circle.
  if (depth > MOST_FOLDERS || seen.has(`${dev}:${ino}`)) return [];
  seen.add(`${dev}:${ino}`);
  const files: string[] = [];
  for (const name of await namesIn(folder)) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const found = statOrNone(path);
    if (found?.isFile()) files.push(path);
    else if (found?.isDirectory()) files.push(...(await filesBelow(path, depth + 1, seen)));
  }
  return files;
}

const DIRECTORY = /^dicomdir$/i;

/** The folder of a disc, where a path names the directory file in it; any other path itself. */
export const discOf = (path: string): string =>
  DIRECTORY.test(basename(path)) && statOrNone(path)?.isFile() ? dirname(path) : path;

/** The files below a folder; a file itself. Throws InputError. */
async function filesOf(path: string): Promise<string[]> {
  const of = discOf(path);
  return (await statOf(of)).isDirectory() ? filesBelow(of) : [path];
}

const statOrNone = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** Whether a file begins as DICOM files do or is named as they are, or a folder holds one such. */
export async function holdsDicom(path: string): Promise<boolean> {
  return (await filesOf(path)).some((file) => /\.dcm$/i.test(file) || beginsAsDicom(file));
}

/** Whether there is a DICOM file in a folder itself, or the directory of an exported disc. */
export async function isDicomFolder(folder: string): Promise<boolean> {
  const names = (await namesIn(folder)).filter((name) => !name.startsWith('.'));
  return names.some((name) => {
    const path = join(folder, name);
    return (
      statOrNone(path)?.isFile() && (DIRECTORY.test(name) || /\.dcm$/i.test(name) || beginsAsDicom(path))
    );
  });
}

function beginsAsDicom(path: string): boolean {
  if (hasNiftiName(path)) return false;
  const start = readStart(path, START_BYTES);
  return start.length === START_BYTES && withPreamble(start) !== undefined;
}

function readStart(path: string, bytes: number): Uint8Array<ArrayBuffer> {
  try {
    const file = openSync(path, 'r');
    try {
      const start = new Uint8Array(bytes);
      return start.subarray(0, readSync(file, start, 0, bytes, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw asInputError(error, path);
  }
}

/** Opens the one series of a folder or a file, or the one asked for. Throws InputError that lists them where there are several. */
export async function openDicom(path: string, series?: string): Promise<DicomStream> {
  const { openSeries } = await import('@organseg/dicom/openSeries.ts');
  return openSeries(await dicomContents(path), path, series);
}

/** What a folder, or a file, holds. Throws InputError. */
export async function dicomContents(path: string) {
  const { readContents } = await import('@organseg/dicom/contents.ts'); // dcmjs takes a while, NIfTI needs it not
  const files = await filesOf(path);
  if (!files.length) throw new InputError(`${path}: the folder is empty`);
  return await readContents(files.map(dicomFile));
}

const dicomFile = (path: string) => ({
  name: path,
  read: async (atMost?: number): Promise<Uint8Array<ArrayBuffer>> =>
    atMost === undefined ? ownBytes(await readBytes(path)) : readStart(path, atMost),
});

/** Bytes in a buffer of their own. */
const ownBytes = ({ buffer, byteOffset, byteLength }: Buffer): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
