/** What a model is adapted with: phantoms and the scans, laid out as one data set, and the settings of training. */
import { existsSync } from 'node:fs';
import { readlink, symlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import type { UnlabelledCase } from '@organseg/files/dataset.ts';
import { makeFolder } from '@organseg/files/write.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { isRun, readRun } from '@organseg/train/run/runFolder.ts';
import { writePhantoms } from '../phantom/writePhantoms.ts';

/** Behind as many the scans' labels do not change any more. */
export const ADAPT_STEPS = 600;
/** Of an epoch, where there are so many. */
const STEPS_PER_EPOCH = 25;

/** Drawn wider than nature, as those that the model in the box learnt from. */
const PHANTOMS = { unlabelled: 0, test: 0, seed: 21, spacing: 4.5, wide: true };

/**
 * The run's settings, but for copy-paste with unlabelled scans, labelled at the start and after each third of the
 * steps. Throws InputError unless the folder is a run that knows FLARE22's organs.
 */
export async function adaptationSettings(model: string, steps: number): Promise<Config> {
  if (!isRun(model)) throw new InputError(`${model}: is no run of training, which alone can be adapted`);
  const { config, labelNames } = await readRun(model);
  const names = ['background', ...FLARE22_ORGANS.map(({ longName }) => longName)];
  if (`${labelNames}` !== `${names}`)
    throw new InputError(`${model}: its labels are not those of phantoms, ${names.slice(1).join(', ')}`);
  const stepsPerEpoch = Math.min(STEPS_PER_EPOCH, steps);
  return {
    ...config,
    stepsPerEpoch,
    pseudoShare: null,
    consistency: null,
    weightAverage: config.weightAverage ?? 0.99,
    checkpoint: 'final',
    copyPaste: {
      partner: 'unlabelled',
      boxShare: 2 / 3,
      pseudoWeight: 0.47,
      labelledShare: 0,
      pseudoLabels: { refresh: Math.ceil(steps / 3), leastProbability: 0 },
    },
    fineTuning: {
      epochs: Math.ceil(steps / stepsPerEpoch),
      learningRate: config.initial.learningRate / 2,
      augment: true,
    },
    validateEverySteps: Math.max(1, Math.ceil(steps / 2)),
  };
}

/** Throws InputError where the run is the adaptation of another model, or by other settings. */
export async function assertSameAdaptation(run: string, model: string, config: Config): Promise<void> {
  const { init, config: was } = await readRun(run);
  const steps = ({ fineTuning, stepsPerEpoch }: Config) => fineTuning.epochs * stepsPerEpoch!;
  if (init !== resolve(model)) throw new InputError(`${run}: adapts ${init}, not ${model}`);
  if (steps(was) !== steps(config))
    throw new InputError(`${run}: takes ${steps(was)} steps, not ${steps(config)}; name another --out`);
}

/** Writes phantoms, and links to the scans, as a data set. Throws InputError where the folder holds something else. */
export async function layOut(
  data: string,
  { phantoms, scans }: { phantoms: number; scans: readonly UnlabelledCase[] },
  signal: AbortSignal,
): Promise<void> {
  await writePhantoms({ ...PHANTOMS, labelled: phantoms, out: data }, signal);
  const folder = join(data, 'imagesUn');
  await makeFolder(folder);
  for (const { image } of scans) {
    const [link, target] = [join(folder, basename(image)), resolve(image)];
    if (!existsSync(link)) await symlink(target, link);
    else if ((await readlink(link).catch(() => '')) !== target)
      throw new InputError(`${link}: is there already, and no link to ${target}`);
  }
}
