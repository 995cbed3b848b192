/** Files and folders, read at once; what the operating system refuses is an InputError that names the path. */
import { type Stats, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { InputError } from '@organseg/core/inputError.ts';
import { asInputError } from './errors.ts';

/** The bytes of a file, or of a pipe, which a shell's <(…) is. Throws InputError. */
export async function readBytes(path: string): Promise<Buffer> {
  if (!(await statOf(path)).isFIFO()) assertFile(path);
  return await named(path, readFile(path));
}

/** What the file system tells of a file or a folder, links followed. Throws InputError. */
export const statOf = (path: string): Promise<Stats> => named(path, stat(path));

/** The names in a folder, sorted. Throws InputError. */
export const namesIn = async (path: string): Promise<string[]> => (await named(path, readdir(path))).sort();

/**
 * Throws InputError where a path leads to nothing, to a folder, or to a device or a pipe, which may have no end or make
 * whoever opens it wait.
 */
export function assertFile(path: string): void {
  const found = answerOf(path, () => statSync(path));
  if (found.isDirectory()) throw new InputError(`${path}: is a directory`);
  if (!found.isFile()) throw new InputError(`${path}: is a device or a pipe, not a regular file`);
}

/** The operating system's answer to what is asked of a path. Throws InputError where it refuses. */
function answerOf<T>(path: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw asInputError(error, path);
  }
}

async function named<T>(path: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw asInputError(error, path);
  }
}
