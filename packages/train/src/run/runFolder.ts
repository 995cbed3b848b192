/**
 * The folder of a run: `config.json` (the resolved settings and what the run was made from), `training.jsonl`,
 * `progress.svg`, `checkpoint-latest.safetensors`, `checkpoint-best.safetensors`, and where its settings ask for them
 * `checkpoint-branch.safetensors` and `pseudo-labels/`.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { fileRecord } from '@organseg/files/fileRecord.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { assertNothingLost, caseFoldersOf } from '@organseg/files/outputs.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { z } from 'zod';
import { configSchema, parseConfig, type TrainingPhase, trainingPhase } from '../config/schema.ts';
import { BEST, BRANCH, LATEST, loadState } from './checkpoint.ts';

/** `config.json`: the phase is called its stage there. */
const runFile = z.object({
  stage: trainingPhase,
  /** The folder of the data set. */
  data: z.string(),
  /** The run or other model whose weights this one started from. */
  init: z.string().nullable(),
  /** Whether it goes on from the checkpoint which that run kept on its way, moments and all. */
  branches: z.boolean().default(false),
  /** The SHA-256 of those weights' file; null without one, and in runs of versions that did not record it. */
  initWeights: z.string().nullable().default(null),
  /** The folder of the pseudo-labels that it learns from. */
  pseudo: z.string().nullable(),
  /** The fold of a cross-validation that it trains; null without one. */
  fold: z.object({ fold: z.int().nonnegative(), folds: z.int().min(2) }).nullable(),
  /** The folder of the prepared cases, where it is not the run's own. */
  prepared: z.string().nullable().default(null),
  /** The names of the data set's labels, background first. */
  labelNames: z.array(z.string()).readonly(),
  trainingCases: z.array(z.string()),
  validationCases: z.array(z.string()),
  /**
   * The images and label maps by their paths from the data set's folder; null until they are prepared, and in runs of
   * versions that did not record them.
   */
  sources: z.record(z.string(), fileRecord).nullable().default(null),
  config: configSchema,
});
export type RunDescription = Omit<z.infer<typeof runFile>, 'stage'> & { readonly phase: TrainingPhase };

const DESCRIPTION = 'config.json';

export const isRun = (folder: string): boolean => existsSync(join(folder, DESCRIPTION));

/** The folder of the labels that a run makes of unlabelled scans. */
export const PSEUDO_LABELS = 'pseudo-labels';

const OTHERS = ['training.jsonl', 'progress.svg', BEST, LATEST, BRANCH, PSEUDO_LABELS, 'postprocessing.json'];

/**
 * Throws InputError where the folder holds a run already, or a run on the data set could not be begun in it without
 * loss. Writes nothing.
 */
export async function assertNoRun(folder: string, data: string): Promise<void> {
  if (isRun(folder)) throw new InputError(`${folder}: holds a run already; --resume continues it`);
  await assertNothingLost({ folder, files: [DESCRIPTION, ...OTHERS], own: [], inputs: caseFoldersOf(data) });
}

/** Begins the folder of a run. Throws InputError where it holds a run already, or files that the run would replace. */
export async function createRun(folder: string, description: RunDescription): Promise<void> {
  await assertNoRun(folder, description.data);
  await makeFolder(folder);
  await saveRun(folder, description);
}

export async function saveRun(folder: string, { phase, ...rest }: RunDescription): Promise<void> {
  await writeWhole(join(folder, DESCRIPTION), `${JSON.stringify({ stage: phase, ...rest }, null, 2)}\n`);
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
  const { stage, ...run } = await readJsonFile(path, runFile);
  return { ...run, phase: stage, config: parseConfig(run.config, path) };
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
