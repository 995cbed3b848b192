/** `organseg pseudo-label`: labels for unlabelled scans, and the choice among them. */
import { dirname, join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { openImages, readLabelNames } from '@organseg/files/dataset.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { parseJson } from '@organseg/files/parseJson.ts';
import { statOf } from '@organseg/files/read.ts';
import type { LeastProbability } from '@organseg/train/config/leastProbability.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import { labelTable } from '@organseg/train/joined/labelLookup.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import { labelledBefore } from '@organseg/train/pseudo/pseudoLabel.ts';
import { type Selection, selectionSchema } from '@organseg/train/pseudo/selection/select.ts';
import { isRun, readRun } from '@organseg/train/run/runFolder.ts';
import { InvalidArgumentError } from 'commander';
import { memoryCap, tuneOption, withGpu } from '../gpu/withGpu.ts';
import { modelPath } from '../model/box.ts';
import { checkpointOption, foldsOption } from '../predict/modelOptions.ts';
import { averaged, type PlannedTeacher, translated } from '../predict/segmenters.ts';
import { labelWithProgress, summary } from '../pseudoLabel/labelWithProgress.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions, NnunetChoice {
  model: string;
  labelMap?: string;
  leastProbability: LeastProbability;
  images: string;
  out: string;
  selection?: string;
  compare: string[];
  memoryCap?: number;
  tune: TuneMode;
}

export const pseudoLabel = command('pseudo-label', 'Label unlabelled scans and choose which to learn from')
  .requiredOption(
    '--model <path>',
    'a run, an nnU-Net v2 folder or zip, or a MONAI bundle that labels',
    modelPath,
  )
  .addOption(foldsOption())
  .addOption(checkpointOption())
  .option(
    '--label-map <table.json>',
    'which of its labels become which of the data set’s, whose dataset.json is beside the folder of --images',
  )
  .option(
    '--least-probability <p>',
    'ignore labels of lower probability, such as 0.6, or a list with one for each label, background first',
    leastProbabilityOf,
    0,
  )
  .requiredOption('--images <dir>', 'scans named CASE_0000.nii.gz')
  .requiredOption('--out <dir>', 'folder for CASE.nii.gz and manifest.json; goes on where it was')
  .option(
    '--selection <json>',
    'how to choose among them, as the setting `selection` (default: the run’s; of other models, keep-all)',
  )
  .option(
    '--compare <dir...>',
    'other label maps of the cases, such as an earlier round’s, for stability',
    [],
  )
  .option('--memory-cap <MiB>', 'of GPU memory; where it does not suffice, 2 mm are tried', memoryCap)
  .addOption(tuneOption())
  .action(async (options: Options) => {
    await statOf(options.images);
    const planned = (await plannedOf(options)).ignoringBelow(options.leastProbability);
    const { cases, notes } = await openImages(options.images, planned.channelNames);
    if (!cases.length)
      throw new InputError([`${options.images}: holds no CASE_0000.nii.gz`, ...notes].join('; '));
    for (const note of notes) say(note);
    const { model, images: input, out, compare: compared, tune, memoryCap: memoryCapBytes } = options;
    const selection = options.selection
      ? parseJson(options.selection, selectionSchema, '--selection')
      : await selectionOf(model);
    const origin = await planned.origin(NO_POSTPROCESSING);
    await labelledBefore(cases, { out, origin, input }); // refused before the GPU is opened
    await withGpu({ tune, ...(memoryCapBytes && { memoryCapBytes }) }, async (owner, signal) => {
      const segmenter = await planned.open(owner, signal);
      try {
        const how = { origin, input, out, selection, compared, signal };
        const manifest = await labelWithProgress(segmenter, cases, how);
        print(options, { out, ...manifest }, summary(manifest));
      } finally {
        segmenter.close();
      }
    });
  });

/** The model, with a table its labels translated into the data set's. Throws InputError. */
async function plannedOf(options: Options): Promise<PlannedTeacher> {
  const { model, labelMap, images, memoryCap: memoryCapBytes } = options;
  if (labelMap === undefined) return averaged([model], options, { memoryCapBytes, confidence: true });
  const labelNames = await readLabelNames(join(dirname(resolve(images)), 'dataset.json'));
  const table = await readJsonFile(labelMap, labelTable);
  const { planned, notes } = await translated(model, options, { labelNames }, table, labelMap, {
    memoryCapBytes,
  });
  for (const note of notes) say(note);
  return planned;
}

/** The numbers of `0.6` or `0.5,0.6`. */
function leastProbabilityOf(text: string): LeastProbability {
  const least = text.split(',').map(Number);
  if (text.split(',').some((each, i) => !each.trim() || !(least[i]! >= 0 && least[i]! <= 1)))
    throw new InvalidArgumentError('Expected numbers from 0 to 1, such as 0.6 or 0.5,0.6.');
  return least.length > 1 ? least : least[0]!;
}

/** The selection of a run's settings; a model from elsewhere has none, and all that it labels is kept. */
const selectionOf = async (model: string): Promise<Selection> =>
  isRun(model) ? (await readRun(model)).config.selection : [{ strategy: 'keep-all' }];
