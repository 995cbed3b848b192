/** Whole files, read at once. */
import { readFile } from 'node:fs/promises';
import { asInputError } from './errors.ts';

/** The bytes of a file. Throws InputError. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw asInputError(error, path);
  }
}
