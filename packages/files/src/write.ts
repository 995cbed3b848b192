/** Folders and files written so that a whole one is there, or none. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { asInputError } from './errors.ts';

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
