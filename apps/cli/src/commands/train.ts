/** `organseg train`: a run on labelled cases, or a fine-tuning with pseudo-labels. */
import type { AskedFold } from '@organseg/train/data/splits.ts';
import { assertNoRun, assertRun } from '@organseg/train/run/runFolder.ts';
import { resumeRun, startRun } from '@organseg/train/run/startRun.ts';
import { type Command, Option } from 'commander';
import { memoryCap, tuneOption, withGpu } from '../gpu/withGpu.ts';
import { modelPath } from '../model/box.ts';
import { checkpointOption } from '../predict/modelOptions.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { wholeNumber } from '../terminal/optionValues.ts';
import {
  configOption,
  preparedOption,
  presetOption,
  type SettingsOptions,
  setOption,
  settings,
} from '../train/settings.ts';
import { trainingProgress } from '../train/trainingProgress.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions, SettingsOptions {
  data?: string;
  out: string;
  init?: string;
  checkpoint?: 'final' | 'best';
  branch?: string;
  pseudo?: string;
  fold?: number;
  folds?: number;
  prepared?: string;
  resume?: boolean;
  memoryCap?: number;
  tune: TuneMode;
}

export const train = command('train', 'Train on labelled cases, or fine-tune with pseudo-labels')
  .option('--data <dir>', 'data set in nnU-Net’s layout')
  .requiredOption('--out <run>', 'folder of the run')
  .addOption(presetOption())
  .addOption(configOption())
  .addOption(setOption())
  .option(
    '--init <path>',
    'fine-tune from a run, an nnU-Net v2 folder or zip, or a MONAI bundle, with its settings',
    modelPath,
  )
  .addOption(checkpointOption())
  .addOption(
    new Option(
      '--branch <run>',
      'go on from where this run kept a checkpoint for others (branchAt)',
    ).conflicts('init'),
  )
  .option('--pseudo <dir>', 'learn from these pseudo-labels too')
  .option(
    '--fold <k>',
    'train without this part of the labelled cases, from 0, and validate on it',
    wholeNumber,
  )
  .option(
    '--folds <n>',
    'in how many parts they are split (default: as splits_final.json says, else 5)',
    wholeNumber,
  )
  .addOption(preparedOption())
  .addOption(
    new Option('--resume', 'go on with the run in --out, with its data and settings').conflicts([
      'data',
      'preset',
      'config',
      'set',
      'init',
      'branch',
      'pseudo',
      'fold',
      'folds',
      'prepared',
    ]),
  )
  .option('--memory-cap <MiB>', 'of GPU memory; a run that does not fit is refused at its start', memoryCap)
  .addOption(tuneOption())
  .action(async (options: Options, self: Command) => {
    const { data, out, branch, init = branch, checkpoint, pseudo, prepared, memoryCap, tune } = options;
    if (branch !== undefined) assertRun(branch);
    if (!data && !options.resume) self.error('error: --data <dir> is needed to start a run');
    if (checkpoint && !options.init) self.error('error: --checkpoint is of an nnU-Net model to --init from');
    const initChoice = checkpoint && { checkpoint };
    const config = data ? await settings(options, init, initChoice) : undefined;
    const fold = foldOf(options, self);
    if (data)
      await assertNoRun(out, { data, init, pseudo }); // refused before the GPU is opened
    else assertRun(out);
    await withGpu({ tune, ...(memoryCap && { memoryCapBytes: memoryCap }) }, async ({ gpu }, signal) => {
      const { prepareCases, ...progress } = trainingProgress('training');
      // Under a cap cases are prepared by this device alone, whose memory is counted.
      const hooks = { ...progress, signal, ...(prepareCases && !memoryCap && { prepareCases }) };
      const result =
        data && config
          ? await startRun(
              gpu,
              { data, out, init, initChoice, branches: branch !== undefined, pseudo, fold, prepared, config },
              hooks,
            )
          : await resumeRun(gpu, out, hooks);
      hooks.finish();
      const { finished, epoch, best } = result;
      const score = best
        ? `kept as it was in epoch ${best.epoch}, validation DSC ${best.meanDsc.toFixed(4)}`
        : 'not validated yet';
      const how = finished ? 'trained' : 'stopped; --resume continues';
      print(options, { run: options.out, ...result }, `${options.out}: ${how}, epoch ${epoch}, ${score}`);
    });
  });

/** The fold of `--fold` and `--folds`; none without them. */
function foldOf({ fold, folds }: Options, self: Command): AskedFold | undefined {
  if (fold === undefined && folds !== undefined)
    self.error('error: --folds says of how many parts --fold is one; --fold is missing');
  return fold === undefined ? undefined : { fold, folds };
}
