/** Files and folders, read at once; what the operating system refuses is an InputError that names the path. */
import type { Stats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { asInputError } from './errors.ts';

/** The bytes of a file. Throws InputError. */
export const readBytes = (path: string): Promise<Buffer> => named(path, readFile(path));

/** What the file system tells of a file or a folder, links followed. Throws InputError. */
export const statOf = (path: string): Promise<Stats> => named(path, stat(path));

/** The names in a folder, sorted. Throws InputError. */
export const namesIn = async (path: string): Promise<string[]> => (await named(path, readdir(path))).sort();

async function named<T>(path: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw asInputError(error, path);
  }
}
