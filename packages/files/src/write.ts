/** Folders and files written so that a whole one is there, or none. */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { asInputError } from './errors.ts';

/**
 * A folder and those above it, made where they are not there yet. Throws InputError, also for a name that only a
 * NIfTI file has.
 */
export async function makeFolder(path: string): Promise<void> {
  if (/\.nii(\.gz)?\/*$/i.test(path)) throw new InputError(`${path}: names a file, expected a folder`);
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const isHidden = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw asInputError(isHidden ? await refusalOf(path).catch((refusal) => refusal) : error, path);
  }
}

/** Makes the first missing folder alone: where Node makes several, it calls whatever refused that one ENOENT. */
function refusalOf(path: string): Promise<void> {
  let first = path;
  while (!existsSync(dirname(first))) first = dirname(first);
  return mkdir(first);
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

/** Writes at the end of a file. Throws InputError. */
export async function append(path: string, text: string): Promise<void> {
  try {
    await appendFile(path, text);
  } catch (error) {
    throw asInputError(error, path);
  }
}
