/** JSON files, checked against a schema. */
import type { z } from 'zod';
import { parseJson, textOf } from './parseJson.ts';
import { readBytes } from './read.ts';

/** A JSON file of this form. Throws InputError that names the file and the key. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return parseJson(textOf(await readBytes(path)), schema, path);
}
