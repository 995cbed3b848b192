/** The files of a model, wherever they lie. */
import { InputError } from '@organseg/core/inputError.ts';
import type { OpenBytes } from '@organseg/files/openBytes.ts';
import { parseJson, textOf } from '@organseg/files/parseJson.ts';
import { withoutPythonWords } from '@organseg/files/pythonJson.ts';
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
  /** The bytes of a file, unpacked, as far as is known before it is opened. Throws InputError. */
  size(name: string): Promise<number>;
  /** How messages name a file in it. */
  pathOf(name: string): string;
  /** The bytes of a file, which whoever opens them closes. Throws InputError. */
  open(name: string): Promise<OpenBytes>;
  /** The SHA-256 of a file's bytes. Throws InputError. */
  sha256(name: string): Promise<string>;
}

/** The largest JSON file that is read: nnU-Net's are of some kB, some MB where dataset.json lists all cases. */
const MAX_JSON_BYTES = 16 << 20;

/** A JSON file of a model, of this form; null stands for numbers that are none. Throws InputError. */
export async function readJson<T>(files: ModelFiles, name: string, schema: z.ZodType<T>): Promise<T> {
  if ((await files.size(name)) > MAX_JSON_BYTES)
    throw new InputError(`${files.pathOf(name)}: is larger than ${MAX_JSON_BYTES} bytes, too large for JSON`);
  const bytes = await files.open(name);
  try {
    return parseJson(withoutPythonWords(textOf(bytes.read(0, bytes.size))), schema, files.pathOf(name));
  } finally {
    bytes.close();
  }
}
