/** The files of a model, wherever they lie. */
import { InputError } from '@organseg/core/inputError.ts';
import type { OpenBytes } from '@organseg/files/openBytes.ts';
import { parseJson, textOf } from '@organseg/files/parseJson.ts';
import type { z } from 'zod';

/** A folder, on disk, in a zip or dropped on a page. Names of what lies below it are told apart by `/`. */
export interface ModelFiles {
  /** How messages name it. */
  readonly path: string;
  /** The names of the files and folders in it, sorted. Throws InputError. */
  names(): Promise<string[]>;
  /** A folder in it. */
  folder(name: string): ModelFiles;
  has(name: string): boolean;
  /** How messages name a file in it. */
  pathOf(name: string): string;
  /** The bytes of a file, which whoever opens them closes. Throws InputError. */
  open(name: string): Promise<OpenBytes>;
  /** The SHA-256 of a file's bytes. Throws InputError. */
  sha256(name: string): Promise<string>;
}

/** The largest JSON file that is read. */
const MAX_JSON_BYTES = 64 << 20;

/** A JSON file of a model, of this form. Throws InputError. */
export async function readJson<T>(files: ModelFiles, name: string, schema: z.ZodType<T>): Promise<T> {
  const bytes = await files.open(name);
  try {
    if (bytes.size > MAX_JSON_BYTES) throw new InputError(`${files.pathOf(name)}: is too large for JSON`);
    return parseJson(textOf(bytes.read(0, bytes.size)), schema, files.pathOf(name));
  } finally {
    bytes.close();
  }
}
