/** What a command may write: over no input, over nothing of the user's, and into no folder of another command. */
import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { isDevice, isRoot } from './paths.ts';
import { namesIn } from './read.ts';

/** The files by which the folders that commands write are known, and what such a folder holds. */
const DESCRIPTIONS = {
  'dataset.json': 'a data set',
  'config.json': 'a run',
  'manifest.json': 'pseudo-labels',
  'report.json': 'predictions',
  'pipeline.json': 'a pipeline',
  'experiment.json': 'an experiment',
  'sheets.json': 'sheets of augmentations',
};

const NIFTI = /^[^.].*\.(nii|hdr|img)(\.gz)?$/i;
/** What a user can do where a folder is refused. */
export const ADVICE = adviceFor('--out');

function adviceFor(option: string): string {
  return `choose another folder for ${option}`;
}

export interface Outputs {
  readonly folder: string;
  /** Names of the files that may be written into the folder. */
  readonly files: readonly string[];
  /** Names of the files in it that this command made before, as its own report or manifest lists them. */
  readonly own: readonly string[];
  /** What is read: files, and folders of scans, label maps or models. */
  readonly inputs: readonly string[];
  /** The option that names the folder, where it is not --out. */
  readonly option?: string;
}

/** The folders of a data set that hold its scans and label maps, there or not. */
export const caseFoldersOf = (data: string): string[] =>
  ['Tr', 'Un', 'Ts'].flatMap((part) => [join(data, `images${part}`), join(data, `labels${part}`)]);

/**
 * Throws InputError where a file to be written is an input, or is there and none of the command's own; where the
 * folder is one of the inputs or lies in one, or holds other NIfTI files or what another command made. Files are
 * compared by what the file system says they are, not by their paths.
 */
export async function assertNothingLost({
  folder,
  files,
  own,
  inputs,
  option = '--out',
}: Outputs): Promise<void> {
  const advice = adviceFor(option);
  assertOutside(folder, inputs, advice);
  const device = process.platform === 'win32' ? files.find(isDevice) : undefined;
  if (device !== undefined)
    throw new InputError(`${join(folder, device)}: Windows keeps this name for a device`);
  if (!existsSync(folder)) return;
  const names = await namesIn(folder);
  const read = new Map(inputs.filter(existsSync).map((input) => [identityOf(input), input]));
  const owned = new Set(own);
  for (const [name, content] of Object.entries(DESCRIPTIONS)) {
    if (names.includes(name) && !owned.has(name))
      throw new InputError(`${folder}: holds ${content} (${name}); ${advice}`);
  }
  for (const name of new Set([...files, ...names.filter((each) => NIFTI.test(each))])) {
    const path = join(folder, name);
    if (!isThere(path)) continue;
    const input = read.get(identityOf(path));
    if (input !== undefined) throw new InputError(`${path}: would replace the input ${input}; ${advice}`);
    if (!owned.has(name))
      throw new InputError(`${path}: is there already, made by something else; ${advice}`);
  }
}

/** Throws InputError where a path, there or not yet, is one of the folders that are read or lies in one. */
export function assertOutside(folder: string, inputs: readonly string[], advice: string): void {
  let path = resolve(folder);
  while (!existsSync(path)) {
    if (isRoot(path)) return; // of a drive that is not there, where nothing is read from
    path = dirname(path);
  }
  path = realpathSync(path);
  const above = new Set([identityOf(path)]);
  for (; !isRoot(path); path = dirname(path)) above.add(identityOf(dirname(path)));
  const input = inputs.find(
    (each) => existsSync(each) && statSync(each).isDirectory() && above.has(identityOf(each)),
  );
  if (input === undefined) return;
  const is =
    identityOf(resolve(folder)) === identityOf(input)
      ? 'is read from'
      : `lies in ${input}, which is read from`;
  throw new InputError(`${folder}: ${is}; ${advice}`);
}

/** Throws InputError where there is a file of this name: one that no report lists is never replaced. */
export function assertNew(path: string): void {
  if (isThere(path)) throw new InputError(`${path}: is there already; choose another name`);
}

/** Whether there is anything under this name, a link to nothing too. */
const isThere = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** What a path leads to, the same for all its names; undefined where it leads nowhere. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
