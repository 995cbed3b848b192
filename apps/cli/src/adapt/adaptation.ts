/** What a model is adapted with: phantoms and the scans, laid out as one data set, and the settings of training. */
import { existsSync } from 'node:fs';
import { readlink, symlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { FLARE22_LABEL_NAMES } from '@organseg/core/organs.ts';
import { plural } from '@organseg/core/words.ts';
import type { UnlabelledCase } from '@organseg/files/dataset.ts';
import { asInputError } from '@organseg/files/errors.ts';
import { namesIn, statOf } from '@organseg/files/read.ts';
import { makeFolder } from '@organseg/files/write.ts';
import { copyPaste } from '@organseg/train/config/presets.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { isRun, readRun } from '@organseg/train/run/runFolder.ts';
import { writePhantoms } from '../phantom/writePhantoms.ts';

/** Behind as many the scans' labels do not change any more. */
export const ADAPT_STEPS = 600;
/** Of an epoch, where there are so many. */
const STEPS_PER_EPOCH = 25;

/** Drawn wider than nature, as those that the model in the box learnt from. */
const PHANTOMS = { unlabelled: 0, test: 0, seed: 25, spacing: 4.5, wide: true };

/**
 * The run's settings, but for copy-paste with unlabelled scans, labelled at the start and after each third of the
 * steps. Throws InputError unless the folder is a run that knows FLARE22's organs.
 */
export async function adaptationSettings(model: string, steps: number): Promise<Config> {
  await statOf(model);
  if (!isRun(model)) throw new InputError(`${model}: is no run of training, which alone can be adapted`);
  const { config, labelNames } = await readRun(model);
  if (`${labelNames}` !== `${FLARE22_LABEL_NAMES}`)
    throw new InputError(
      `${model}: its labels are not those of phantoms, ${FLARE22_LABEL_NAMES.slice(1).join(', ')}`,
    );
  const stepsPerEpoch = Math.min(STEPS_PER_EPOCH, steps);
  return {
    ...config,
    stepsPerEpoch,
    pseudoShare: null,
    consistency: null,
    weightAverage: config.weightAverage ?? 0.99,
    checkpoint: 'final',
    copyPaste: copyPaste(Math.ceil(steps / 3)),
    fineTuning: {
      epochs: Math.ceil(steps / stepsPerEpoch),
      learningRate: config.initial.learningRate / 2,
      augment: true,
    },
    validateEverySteps: Math.max(1, Math.ceil(steps / 2)),
  };
}

/** What an adaptation learns from. */
export interface Lesson {
  /** The number of phantoms. */
  readonly phantoms: number;
  readonly scans: readonly UnlabelledCase[];
}

const ADVICE = 'name another --out';

/** Throws InputError where the run is the adaptation of another model, by other settings, phantoms or scans. */
export async function assertSameAdaptation(
  run: string,
  { model, config, phantoms, scans }: Lesson & { readonly model: string; readonly config: Config },
): Promise<void> {
  const { init, config: was, data, trainingCases, validationCases } = await readRun(run);
  const steps = ({ fineTuning, stepsPerEpoch }: Config) => fineTuning.epochs * stepsPerEpoch!;
  if (init !== resolve(model)) throw new InputError(`${run}: adapts ${init}, not ${model}`);
  if (steps(was) !== steps(config))
    throw new InputError(`${run}: takes ${steps(was)} steps, not ${steps(config)}; ${ADVICE}`);
  const drawn = new Set([...trainingCases, ...validationCases]).size;
  if (drawn !== phantoms)
    throw new InputError(`${run}: learns from ${plural(drawn, 'phantom')}, not ${phantoms}; ${ADVICE}`);
  const links = await namesIn(scansOf(data));
  const added = scans.find(({ image }) => !links.includes(basename(image)));
  if (added) throw new InputError(`${run}: was begun without ${added.image}; ${ADVICE}`);
}

const scansOf = (data: string): string => join(data, 'imagesUn');

/**
 * Writes phantoms, and links to the scans, as a data set. Throws InputError where the folder holds something else,
 * before anything is written.
 */
export async function layOut(data: string, { phantoms, scans }: Lesson, signal: AbortSignal): Promise<void> {
  const folder = scansOf(data);
  const links = new Map(scans.map(({ image }) => [basename(image), resolve(image)]));
  for (const name of existsSync(folder) ? await namesIn(folder) : []) {
    if (name.startsWith('.')) continue;
    const [link, target] = [join(folder, name), links.get(name)];
    if (target === undefined) throw new InputError(`${link}: is none of the scans of --images; ${ADVICE}`);
    if ((await readlink(link).catch(() => '')) !== target)
      throw new InputError(`${link}: is there already, and no link to ${target}; ${ADVICE}`);
    links.delete(name);
  }
  await writePhantoms({ ...PHANTOMS, labelled: phantoms, out: data }, signal);
  await makeFolder(folder);
  for (const [name, target] of links) await link(join(folder, name), target);
}

/** Throws InputError where the operating system refuses a link, as Windows does unless it is in developer mode. */
async function link(path: string, target: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    const { message } = asInputError(error, path) as Error;
    const advice = process.platform === 'win32' ? '; developer mode allows it' : '';
    throw new InputError(`${message}: a link to ${target}${advice}`);
  }
}
