/**
 * The folder of a run: `config.json` (the resolved settings and what the run was made from), `training.jsonl`,
 * `progress.svg`, `checkpoint-latest.safetensors`, `checkpoint-best.safetensors`, and where its settings ask for them
 * `checkpoint-branch.safetensors` and `pseudo-labels/`.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { isAside } from '@organseg/files/aside.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { assertNothingLost, caseFoldersOf } from '@organseg/files/outputs.ts';
import { namesIn } from '@organseg/files/read.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { isPrepared } from '../data/caseStore.ts';
import { BRANCH, LATEST, loadState } from './checkpoint.ts';
import { BEST } from './openParameters.ts';
import { DESCRIPTION, type RunDescription, runFile, runOf, runText } from './runDescription.ts';

export const isRun = (folder: string): boolean => existsSync(join(folder, DESCRIPTION));

/** The folder of the labels that a run makes of unlabelled scans. */
export const PSEUDO_LABELS = 'pseudo-labels';

const KEPT_LATER = ['postprocessing.json', 'calibration.json'];
const OTHERS = ['training.jsonl', 'progress.svg', BEST, LATEST, BRANCH, PSEUDO_LABELS, ...KEPT_LATER];

/** What a run is made from: a data set, and the folders of the model to start from and of pseudo-labels. */
type RunInputs = Pick<RunDescription, 'data'> & {
  readonly [key in 'init' | 'pseudo']?: string | null | undefined;
};

/**
 * Throws InputError where the folder holds a run already, or a run of these inputs could not be begun in it without
 * loss. Writes nothing.
 */
export async function assertNoRun(folder: string, { data, init, pseudo }: RunInputs): Promise<void> {
  if (isRun(folder)) throw new InputError(`${folder}: holds a run already; --resume continues it`);
  const made = [init, pseudo].filter((path) => typeof path === 'string');
  const inputs = [...caseFoldersOf(data), ...made];
  await assertNothingLost({ folder, files: [DESCRIPTION, ...OTHERS], own: [], inputs });
}

/**
 * Makes the folder of prepared cases, which an option names. Throws InputError where it holds something else, or scans
 * lie in it.
 */
export async function openPrepared(folder: string, data: string, option = '--prepared'): Promise<void> {
  await assertNothingLost({ folder, files: [], own: [], inputs: caseFoldersOf(data), option });
  await makeFolder(folder);
  const isOwn = (name: string) => isPrepared(name) || isAside(name) || name.startsWith('.');
  const other = (await namesIn(folder)).find((name) => !isOwn(name));
  if (other)
    throw new InputError(`${folder}: holds ${other}, no prepared case; choose another folder for ${option}`);
}

/** Begins the folder of a run. Throws InputError where it holds a run already, or files that the run would replace. */
export async function createRun(folder: string, description: RunDescription): Promise<void> {
  await assertNoRun(folder, description);
  await makeFolder(folder);
  await saveRun(folder, description);
}

export async function saveRun(folder: string, run: RunDescription): Promise<void> {
  await writeWhole(join(folder, DESCRIPTION), runText(run));
}

/** Takes back what began the folder of a run, so that it holds none. */
export const forgetRun = (folder: string): Promise<void> => rm(join(folder, DESCRIPTION), { force: true });

/** Throws InputError unless the folder holds a run. */
export function assertRun(folder: string): void {
  if (!isRun(folder)) throw new InputError(`${folder}: is no run, it has no ${DESCRIPTION}`);
}

/** The description of a run. Throws InputError where the folder is no run, or its config.json is broken. */
export async function readRun(folder: string): Promise<RunDescription> {
  assertRun(folder);
  const path = join(folder, DESCRIPTION);
  return runOf(await readJsonFile(path, runFile), path);
}

/** Whether a run has gone through all its epochs and its last validation. */
export async function isFinished(folder: string): Promise<boolean> {
  if (!isRun(folder) || !existsSync(join(folder, LATEST))) return false;
  const { phase, config } = await readRun(folder);
  const { epoch, validated } = loadState(folder);
  return epoch === config[phase].epochs && validated === epoch;
}

/** The checkpoint that a run's predictions use. */
export const bestCheckpoint = (folder: string): string => join(folder, BEST);
