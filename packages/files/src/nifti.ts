/** NIfTI files by path, gzipped or not, .hdr/.img pairs included: read as streams, written as .nii.gz. */
import { createReadStream, existsSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import type { ByteSource } from '@organseg/core/volume/byteReader.ts';
import {
  type NiftiStream,
  type NiftiVolume,
  openNifti,
  readLabels,
  readNifti,
} from '@organseg/core/volume/niftiRead.ts';
import type { NiftiSpace } from '@organseg/core/volume/niftiSpace.ts';
import { encodeNifti, type NiftiExtension } from '@organseg/core/volume/niftiWrite.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { asInputError } from './errors.ts';
import { deflate, inflate } from './gzip.ts';
import { assertFile } from './read.ts';
import { writeWhole } from './write.ts';

/** The header of a NIfTI file, and its voxels as a stream. Of a .hdr/.img pair either name will do. */
export const openNiftiFile = (path: string): Promise<NiftiStream> => openNifti(...sourcesOf(path));

export const readNiftiFile = (path: string): Promise<NiftiVolume> => readNifti(...sourcesOf(path));

export const readLabelsFile = (path: string): Promise<NiftiVolume<Uint8Array>> =>
  readLabels(...sourcesOf(path));

/** Writes .nii.gz in the space of the case that the volume belongs to. */
export async function writeNiftiFile(
  path: string,
  volume: Volume,
  space?: NiftiSpace,
  extensions?: readonly NiftiExtension[],
): Promise<void> {
  if (!/\.nii\.gz$/i.test(path)) throw new InputError(`${path}: volumes are written as .nii.gz`);
  await writeWhole(path, encodeNifti(volume, space, extensions, deflate));
}

/** Whether a path is named as a NIfTI file, or one of a pair. */
export const hasNiftiName = (path: string): boolean => /\.(nii|hdr|img)(\.gz)?$/i.test(path);

const sourcesOf = (path: string): [ByteSource, ByteSource?] => {
  const [header, image] = niftiFiles(path);
  return image === undefined ? [sourceOf(header)] : [sourceOf(header), sourceOf(image)];
};

/** The files of a scan: one, or of a .hdr/.img pair both. */
export function niftiFiles(path: string): [string, string?] {
  const pair = /^(.*)\.(hdr|img)(\.gz)?$/.exec(path);
  if (!pair) return [path];
  const [, stem, , gz = ''] = pair;
  // Either file of a pair may be gzipped without the other.
  const find = (kind: string) =>
    [gz, '', '.gz'].map((end) => `${stem}.${kind}${end}`).find(existsSync) ?? `${stem}.${kind}${gz}`;
  return [find('hdr'), find('img')];
}

const sourceOf = (path: string): ByteSource => ({ name: path, bytes: fileBytes(path), inflate });

/** Opens the file when the first byte is asked for, and closes it when the reader stops. */
async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  assertFile(path);
  try {
    yield* createReadStream(path, { highWaterMark: 256 << 10 });
  } catch (error) {
    throw asInputError(error, path);
  }
}
