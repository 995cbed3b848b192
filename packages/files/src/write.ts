/** Folders and files written so that a whole one is there, or none. */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { asideOf } from './aside.ts';
import { asInputError } from './errors.ts';
import { assertNew } from './outputs.ts';
import { isRoot } from './paths.ts';
import { statOf } from './read.ts';
import { renameOver } from './rename.ts';

/**
 * A folder and those above it, made where they are not there yet. Throws InputError, also for a name that only a
 * NIfTI file has.
 */
export async function makeFolder(path: string): Promise<void> {
  if (/\.nii(\.gz)?[\\/]*$/i.test(path)) throw new InputError(`${path}: names a file, expected a folder`);
  const missing: string[] = [];
  // One by one: asked for all at once, Node calls what refused them ENOENT, and in /proc never ends.
  for (let each = resolve(path); !existsSync(each) && !isRoot(each); each = dirname(each))
    missing.unshift(each);
  try {
    for (const folder of missing) await mkdir(folder).catch(unlessThere);
    if (!(await statOf(path)).isDirectory())
      throw new InputError(`${path}: is there already, and is no directory`);
  } catch (error) {
    throw asInputError(error, path);
  }
}

/** Passes over a folder that another process has made meanwhile. Throws any other error. */
function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** Writes aside, then renames: a reader never sees half a file, nor does a crash leave one under this name. */
export async function writeWhole(
  path: string,
  content: string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const aside = asideOf(path);
  try {
    await writeFile(aside, content, { flush: true, flag: 'wx' });
    renameOver(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw asInputError(error, path);
  }
}

/**
 * Fills a folder aside, then renames it: a reader never sees half of it, nor does a crash leave half under this name.
 * Throws InputError where there is anything under this name, or it cannot be written.
 */
export async function writeFolderWhole(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  assertNew(path);
  await makeFolder(dirname(resolve(path)));
  const aside = asideOf(resolve(path));
  try {
    await mkdir(aside);
    await fill(aside);
    renameOver(aside, path);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    if (error instanceof InputError) throw new InputError(error.message.replaceAll(aside, path));
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
