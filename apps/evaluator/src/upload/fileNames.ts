/** What the name of a sent file says: which case, and whether it is its mask or its efficiency log. */
import { Problem } from '../http/problem.ts';

/** As the schema of a case's name. */
export const CASE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

const MASK = /^(.+?)\.nii(\.gz)?$/i;
const LOG = /^(.+?)\.jsonl$/i;

/** Left by macOS and Windows beside what a person packs. */
const CLUTTER = /^(\.|__MACOSX$|Thumbs\.db$|desktop\.ini$)/i;

export interface CaseFile {
  readonly kind: 'mask' | 'log';
  readonly case: string;
}

/**
 * Reads a file's name, which may have folders before it; null for clutter. Names are only ever read, never used as
 * a path; one that would lead out of a folder is refused all the same. Throws Problem 422.
 */
export function readFileName(path: string): CaseFile | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
  if (path.length > 300 || /[\u0000-\u001f\u007f\\]/.test(path) || /^[a-z]:|^\//i.test(path)) {
    throw new Problem(422, `${printable(path)}: not a plain relative file name`);
  }
  const parts = path.split('/');
  if (parts.some((part) => part === '..' || part === '.' || part === '')) {
    throw new Problem(422, `${printable(path)}: not a plain relative file name`);
  }
  if (parts.some((part) => CLUTTER.test(part))) return null;
  const name = parts[parts.length - 1];
  const mask = MASK.exec(name);
  const log = LOG.exec(name);
  const found = mask?.[1] ?? log?.[1];
  if (found === undefined) {
    throw new Problem(422, `${printable(path)}: expected CASE.nii.gz, CASE.nii or CASE.jsonl`);
  }
  return { kind: mask ? 'mask' : 'log', case: found };
}

/** A name from outside as a message may show it. */
export const printable = (name: string): string => JSON.stringify(name.slice(0, 100)).slice(1, -1);

/** Content types of a mask that is sent by itself. */
export const MASK_TYPES = ['application/octet-stream', 'application/gzip', 'application/x-gzip'] as const;
export const LOG_TYPES = ['application/jsonl', 'application/x-ndjson', 'application/octet-stream'] as const;
export const ZIP_TYPES = ['application/zip', 'application/x-zip-compressed'] as const;
