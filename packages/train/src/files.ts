/** Files: NIfTI by path, pairs included; JSON and safetensors; and writing that leaves a whole file or none. */
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { InputError } from '@organseg/core/inputError.ts';
import { decodeSafetensors, type SafeTensors } from '@organseg/core/network/safetensors.ts';
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
import type { z } from 'zod';
import { deflate, inflate } from './nodeGzip.ts';

/** The header of a NIfTI file, and its voxels as a stream. Of a .hdr/.img pair either name will do. */
export const openNiftiFile = (path: string): Promise<NiftiStream> => openNifti(...sourcesOf(path));

export const readNiftiFile = (path: string): Promise<NiftiVolume> => readNifti(...sourcesOf(path));

export const readLabelsFile = (path: string): Promise<NiftiVolume<Uint8Array>> =>
  readLabels(...sourcesOf(path));

export async function readSafetensorsFile(path: string): Promise<SafeTensors> {
  return decodeSafetensors(await bytesOf(path), path);
}

/** A JSON file of this form. Throws InputError that names the file and the key. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return parseJson((await bytesOf(path)).toString(), schema, path);
}

/** JSON of this form; `source` says where it stands. Throws InputError. */
export function parseJson<T>(text: string, schema: z.ZodType<T>, source: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError(`${source}: is not JSON`);
  }
  return check(value, schema, source);
}

/** A value of this form. Throws InputError that names the first key at fault. */
export function check<T>(value: unknown, schema: z.ZodType<T>, source: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues as [z.core.$ZodIssue];
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    throw new InputError(`${source}: unknown key ${[path, issue.keys[0]].filter(Boolean).join('.')}`);
  throw new InputError([source, path, issue.message].filter(Boolean).join(': '));
}

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

/** A folder and those above it, where they are not there yet. Throws InputError. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw asInputError(error, path);
  }
}

/** Writes aside, then renames: a reader never sees half a file, nor does a crash leave one under this name. */
export async function writeWhole(
  path: string,
  content: string | AsyncIterable<Uint8Array>,
  aside = `${path}.part`,
): Promise<void> {
  try {
    await writeFile(aside, content, { flush: true });
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw asInputError(error, path);
  }
}

function sourcesOf(path: string): [ByteSource, ByteSource?] {
  const pair = /^(.*)\.(hdr|img)(\.gz)?$/.exec(path);
  if (!pair) return [sourceOf(path)];
  const [, stem, , gz = ''] = pair;
  // Either file of a pair may be gzipped without the other.
  const find = (kind: string) =>
    [gz, '', '.gz'].map((end) => `${stem}.${kind}${end}`).find(existsSync) ?? `${stem}.${kind}${gz}`;
  return [sourceOf(find('hdr')), sourceOf(find('img'))];
}

const sourceOf = (path: string): ByteSource => ({ name: path, bytes: fileBytes(path), inflate });

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw asInputError(error, path);
  }
}

/** Opens the file when the first byte is asked for, and closes it when the reader stops. */
async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 << 10 });
  } catch (error) {
    throw asInputError(error, path);
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'no such file or directory',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
  ENOSPC: 'no space left on the device',
  EROFS: 'read-only file system',
};

/** What the operating system refused, in one line; any other error as it is. */
export function asInputError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  return new InputError(`${path}: ${REASONS[String(error.code)] ?? error.message}`);
}
