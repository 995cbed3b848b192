import { readJsonFile } from '@organseg/files/json.ts';
import { PRESETS, type PresetName } from '@organseg/train/config/presets.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { Fold } from '@organseg/train/data/splits.ts';
import { readRun } from '@organseg/train/run/runFolder.ts';
import { resumeRun, startRun } from '@organseg/train/run/startRun.ts';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { memoryCap, tuneOption, wholeNumber, withGpu } from '../gpu/session.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';
import { trainingProgress } from '../terminal/trainingProgress.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions {
  data?: string;
  out: string;
  preset?: PresetName;
  config?: string;
  set?: string[];
  init?: string;
  pseudo?: string;
  fold?: number;
  folds?: number;
  prepared?: string;
  resume?: boolean;
  memoryCap?: number;
  tune: TuneMode;
}

/** The options that settle a run's settings; `pipeline` has them too. */
export const presetOption = () =>
  new Option('--preset <name>', 'settings to start from').choices(Object.keys(PRESETS));
export const configOption = () => new Option('--config <file>', 'JSON file with settings over the preset’s');
export const setOption = () =>
  new Option('--set <key=value...>', 'settings over both, such as initial.epochs=100');

export const train = command('train', 'Train on labelled cases, or fine-tune with pseudo-labels')
  .option('--data <dir>', 'data set in nnU-Net’s layout')
  .requiredOption('--out <run>', 'folder of the run')
  .addOption(presetOption())
  .addOption(configOption())
  .addOption(setOption())
  .option('--init <run>', 'fine-tune from the best checkpoint of this run, with its settings')
  .option('--pseudo <dir>', 'learn from these pseudo-labels too')
  .option(
    '--fold <k>',
    'train without this part of the labelled cases, from 0, and validate on it',
    wholeNumber,
  )
  .option('--folds <n>', 'in how many parts they are split (default: 5)', wholeNumber)
  .option(
    '--prepared <dir>',
    'folder of prepared cases; runs on the same data may share it (default: in --out)',
  )
  .addOption(
    new Option('--resume', 'go on with the run in --out, with its data and settings').conflicts([
      'data',
      'preset',
      'config',
      'set',
      'init',
      'pseudo',
      'fold',
      'folds',
      'prepared',
    ]),
  )
  .option('--memory-cap <MiB>', 'of GPU memory; a run that does not fit is refused at its start', memoryCap)
  .addOption(tuneOption())
  .action(async (options: Options, self: Command) => {
    const { data, out, init, pseudo, prepared, memoryCap, tune } = options;
    if (!data && !options.resume) self.error('error: --data <dir> is needed to start a run');
    const config = data ? await settings(options, init) : undefined;
    const fold = foldOf(options, self);
    await withGpu({ tune, ...(memoryCap && { memoryCapBytes: memoryCap }) }, async (gpu, signal) => {
      const hooks = { ...trainingProgress('training'), signal };
      const result =
        data && config
          ? await startRun(gpu, { data, out, init, pseudo, fold, prepared, config }, hooks)
          : await resumeRun(gpu, out, hooks);
      hooks.finish();
      const { finished, epoch, best } = result;
      const score = best
        ? `best validation DSC ${best.meanDsc.toFixed(4)} in epoch ${best.epoch}`
        : 'not validated yet';
      const how = finished ? 'trained' : 'stopped; --resume continues';
      print(options, { run: options.out, ...result }, `${options.out}: ${how}, epoch ${epoch}, ${score}`);
    });
  });

/** The fold of `--fold` and `--folds`; none without them. */
function foldOf({ fold, folds = 5 }: Options, self: Command): Fold | undefined {
  if (fold === undefined) return undefined;
  if (folds < 2 || fold >= folds)
    self.error(`error: --fold ${fold} of ${folds}: expected 0 to ${Math.max(2, folds) - 1}`);
  return { fold, folds };
}

/** The preset, file and settings of the command line; without a preset those of the run to start from. */
export async function settings(
  { preset, config: path, set = [] }: Pick<Options, 'preset' | 'config' | 'set'>,
  init?: string,
): Promise<Config> {
  const base = preset ?? (init ? (await readRun(init)).config : 'gao2022');
  const config = resolveConfig(
    base,
    path ? { path, value: await readJsonFile(path, z.unknown()) } : undefined,
    set,
  );
  if (!preset && !init) say('no --preset given: gao2022, which needs a GPU');
  return config;
}
