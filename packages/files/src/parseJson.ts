/** JSON, checked against a schema: its bytes as text, text, and values from outside. */
import { InputError } from '@organseg/core/inputError.ts';
import type { z } from 'zod';

/** Text in the encoding that its byte order mark names; UTF-8 without one. */
export function textOf(bytes: Uint8Array): string {
  const mark = bytes.length >= 2 ? (bytes[0] << 8) | bytes[1] : 0;
  return new TextDecoder(mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8').decode(bytes);
}

/** JSON of this form; `source` says where it stands. Throws InputError. */
export function parseJson<T>(text: string, schema: z.ZodType<T>, source: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const lines = text.slice(0, faultAt(text, error as SyntaxError)).split('\n');
    const place = `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
    throw new InputError(text.trim() ? `${source}: is not JSON at ${place}` : `${source}: is empty`);
  }
  return check(value, schema, source);
}

/** The index of the first character that JSON does not allow. Of an unexpected token V8 tells none. */
function faultAt(text: string, { message }: SyntaxError): number {
  const told = /at position (\d+)/.exec(message);
  if (told) return Number(told[1]);
  if (/end of JSON/.test(message)) return text.length;
  // The longest beginning that V8 does not call wrong, but unfinished.
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUnfinished(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function isUnfinished(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return true;
  } catch (error) {
    return !/is not valid JSON/.test((error as SyntaxError).message);
  }
}

/** A value of this form. Throws InputError that names the first key at fault. */
export function check<T>(value: unknown, schema: z.ZodType<T>, source: string): T {
  const parsed = parse(value, schema, source);
  if (parsed.success) return parsed.data;
  const issue = inside(parsed.error.issues[0]!);
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    throw new InputError(`${source}: unknown key ${[path, issue.keys[0]].filter(Boolean).join('.')}`);
  throw new InputError([source, path, faultOf(issue)].filter(Boolean).join(': '));
}

/** The result of a schema, which goes down into a value by calls within calls. Throws InputError where it is too deep. */
function parse<T>(value: unknown, schema: z.ZodType<T>, source: string): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(value);
  } catch (error) {
    throw error instanceof RangeError ? new InputError(`${source}: is nested too deeply`) : error;
  }
}

/** The message of alternatives none of which fits. */
const NONE_FITS = 'Invalid input';

/** A fault, or that within the alternative whose kind the value has. */
function inside(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union' || issue.message !== NONE_FITS) return issue;
  const within = issue.errors
    .map(([first]) => first!)
    .find(({ code, path }) => path.length || (code !== 'invalid_type' && code !== 'invalid_value'));
  return within ? inside({ ...within, path: [...issue.path, ...within.path] }) : issue;
}

/** The kinds of values by zod's names, in words. */
const KINDS: Record<string, string> = {
  object: 'an object {…}',
  record: 'an object {…}',
  array: 'a list […]',
  tuple: 'a list […]',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  null: 'null',
};

/** The fault of a value in words: of one of another kind, what it is and what is expected. */
function faultOf(issue: z.core.$ZodIssue): string {
  const isUnion = issue.code === 'invalid_union' && issue.message === NONE_FITS;
  const all = (isUnion ? issue.errors.map(([first]) => first!) : [issue]).map(kindsOf);
  const received = all[0]?.received;
  if (!received) return issue.message;
  const kinds = [...new Set(all.map(({ expected }) => expected))].join(' or ');
  return received === 'undefined'
    ? `is missing, expected ${kinds}`
    : `expected ${kinds}, got ${KINDS[received] ?? received}`;
}

/** What a value is, and what is expected of it, in words. */
function kindsOf(issue: z.core.$ZodIssue): { expected: string; received?: string | undefined } {
  if (issue.code === 'invalid_value')
    return { expected: issue.values.map((value) => JSON.stringify(value)).join(' or ') };
  const [, expected = '', received] =
    /^Invalid input: expected (\w+), received (\w+)$/.exec(issue.message) ?? [];
  return { expected: KINDS[expected] ?? expected, received };
}
