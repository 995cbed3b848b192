/**
 * What the name of a sent file says: which case it is of, and whether it is its mask or its efficiency log. Programs
 * write more beside their masks (reports, settings, pictures), which is passed over.
 */
import { Problem } from '../http/problem.ts';

/** The names that a case can have. */
export const CASE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

const MASK = /^(.+?)\.nii(\.gz)?$/i;
const LOG = /^(.+?)\.jsonl$/i;
/** NIfTI in two files, which is not taken. */
const PAIR = /\.(hdr|img)(\.gz)?$/i;
/** The probabilities of a case, as `predict --probabilities` writes them. */
const PROBABILITIES = /^(.+)_probabilities\.nii(\.gz)?$/i;

/** Files and folders that macOS and Windows leave beside what a person packs. */
const CLUTTER = /^(\.|__MACOSX$|Thumbs\.db$|desktop\.ini$)/i;

export interface CaseFile {
  readonly kind: 'mask' | 'log';
  readonly case: string;
}

export type NamedFile =
  | CaseFile
  /** Clutter is passed over silently; other files are passed over and listed. */
  | { readonly kind: 'clutter' | 'other' };

/**
 * Reads a file's name, which may have folders before it. Names are only ever read, never used as a path; one that would
 * lead out of a folder is refused all the same. Throws Problem 422, also for a mask or log of a case that the challenge
 * does not have.
 */
export function readFileName(path: string, challenge: string, cases: ReadonlySet<string>): NamedFile {
  const name = plainName(path);
  if (name === undefined) return { kind: 'clutter' };
  const mask = MASK.exec(name)?.[1];
  const found = mask ?? LOG.exec(name)?.[1];
  if (found === undefined) {
    if (PAIR.test(name)) throw new Problem(422, `${printable(path)}: expected CASE.nii.gz or CASE.nii`);
    return { kind: 'other' };
  }
  if (cases.has(found)) return { kind: mask === undefined ? 'log' : 'mask', case: found };
  const probabilitiesOf = PROBABILITIES.exec(name)?.[1];
  if (probabilitiesOf !== undefined && cases.has(probabilitiesOf)) return { kind: 'other' };
  throw new Problem(422, `${printable(path)}: ${challenge} has no case ${printable(found)}`);
}

/** The case that a reference's file names; undefined for clutter. Throws Problem 422 for any other file. */
export function readReferenceName(path: string): string | undefined {
  const name = plainName(path);
  if (name === undefined) return undefined;
  const found = MASK.exec(name)?.[1];
  if (found === undefined) throw new Problem(422, `${printable(path)}: expected CASE.nii.gz or CASE.nii`);
  if (CASE_NAME.test(found)) return found;
  throw new Problem(
    422,
    `${printable(path)}: a case’s name is 1 to 100 letters, digits, dots, dashes and underscores`,
  );
}

/** The case that an efficiency log names; undefined for clutter. Throws Problem 422 for any other file. */
export function readLogName(path: string): string | undefined {
  const name = plainName(path);
  if (name === undefined) return undefined;
  const found = LOG.exec(name)?.[1];
  if (found === undefined) throw new Problem(422, `${printable(path)}: expected CASE.jsonl`);
  return found;
}

/** The name at a path's end; undefined for clutter. Throws Problem 422 where the path is none, or leads out of a folder. */
function plainName(path: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
  if (path.length > 300 || /[\u0000-\u001f\u007f\\]/.test(path) || /^[a-z]:|^\//i.test(path)) {
    throw new Problem(422, `${printable(path)}: not a plain relative file name`);
  }
  const parts = path.split('/');
  if (parts.some((part) => part === '..' || part === '.' || part === '')) {
    throw new Problem(422, `${printable(path)}: not a plain relative file name`);
  }
  return parts.some((part) => CLUTTER.test(part)) ? undefined : parts[parts.length - 1];
}

/** The paths of the files that were seen, by what they are. */
export type SeenFiles = Map<string, string>;

/** Notes a file. Throws Problem 422 where another mask, or another log, of its case was seen. */
export function noteFile(seen: SeenFiles, { kind, case: name }: CaseFile, path: string): void {
  const what = `${kind} ${name}`;
  const twin = seen.get(what);
  if (twin !== undefined) throw new Problem(422, `${path} and ${twin}: two files of one case`);
  seen.set(what, path);
}

/** A name from outside as a message may show it. */
export const printable = (name: string): string => JSON.stringify(name.slice(0, 100)).slice(1, -1);

/** Content types of a mask, a log and a zip that is a request's whole body. */
export const MASK_TYPES = ['application/octet-stream', 'application/gzip', 'application/x-gzip'] as const;
export const LOG_TYPES = ['application/jsonl', 'application/x-ndjson', 'application/octet-stream'] as const;
export const ZIP_TYPES = ['application/zip', 'application/x-zip-compressed'] as const;
