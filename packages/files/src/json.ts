/** JSON, checked against a schema: of files and of values from outside. */
import { InputError } from '@organseg/core/inputError.ts';
import type { z } from 'zod';
import { readBytes } from './read.ts';

/** A JSON file of this form. Throws InputError that names the file and the key. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return parseJson((await readBytes(path)).toString(), schema, path);
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
