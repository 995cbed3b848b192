/** `organseg predict`: label maps of scans by a trained run. */
import { InputError } from '@organseg/core/inputError.ts';
import { organLabels } from '@organseg/core/organs.ts';
import { plural } from '@organseg/core/words.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { isDicomScan } from '@organseg/files/scanFile.ts';
import { TASK_NAMES, type TaskName } from '@organseg/train/joined/totalSegmentatorTasks.ts';
import type { Origin } from '@organseg/train/predict/origin.ts';
import { labelsOf, type Postprocessing, readChoice } from '@organseg/train/predict/postprocessing.ts';
import type { PredictorOptions } from '@organseg/train/predict/predictor.ts';
import { InvalidArgumentError, Option } from 'commander';
import { memoryCapOption, tuneOption, withGpu } from '../gpu/withGpu.ts';
import { DEFAULT_MODEL, modelPaths } from '../model/box.ts';
import {
  type ChoicesOptions,
  checkpointOfEachOption,
  choicesOf,
  choicesOfEach,
  foldsOfEachOption,
} from '../predict/modelOptions.ts';
import { Predictions } from '../predict/predictions.ts';
import { predictScans } from '../predict/predictScans.ts';
import { scansIn } from '../predict/scansIn.ts';
import { averaged, joinedByTable, type PlannedSegmenter, totalSegmentator } from '../predict/segmenters.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';
import { positive, share } from '../terminal/optionValues.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions, ChoicesOptions {
  model?: string[];
  join?: string;
  totalsegmentator?: string;
  task?: TaskName;
  input: string;
  series?: string;
  out: string;
  spacing?: number;
  step?: number;
  dtype?: 'f32' | 'f16';
  memoryCap: number;
  resample: 'labels' | 'logits';
  tta?: ('x' | 'y' | 'z')[];
  skipEarly?: boolean;
  largestComponent?: true | string;
  fillHoles?: true | string;
  postprocess?: boolean;
  continue?: boolean;
  statistics?: boolean;
  preview?: boolean;
  dicomSeg?: boolean;
  probabilities?: boolean;
  profile?: boolean;
  tune: TuneMode;
}

export const predict = command('predict', 'Segment scans with a trained model')
  .option(
    '--model <path>',
    'folder of a run, an nnU-Net v2 folder or zip, a MONAI bundle; given again, models are averaged (default: abdomen, the model in the box)',
    modelPaths,
    undefined,
  )
  .option('--join <table.json>', 'join the labels of the models by a table, instead of averaging them')
  .option('--totalsegmentator <dir>', 'the models of a task in TotalSegmentator’s folder of weights')
  .addOption(new Option('--task <name>', 'of TotalSegmentator (default: total)').choices(TASK_NAMES))
  .addOption(foldsOfEachOption())
  .addOption(checkpointOfEachOption())
  .requiredOption('--input <path>', 'a NIfTI file, a folder of DICOM slices, or a folder of either')
  .option('--series <which>', 'of several DICOM series in a folder, by number, description or UID')
  .requiredOption('--out <dir>', 'folder for CASE.nii.gz and report.json')
  .option('--continue', 'skip the cases that the folder holds already')
  .option('--spacing <mm>', 'of the network’s grid, instead of the model’s', positive)
  .option('--step <share>', 'of a patch, between windows (default: the model’s, 0.5)', share)
  .addOption(
    new Option(
      '--dtype <type>',
      'what activations are stored in (default: f16 on a GPU that has it)',
    ).choices(['f32', 'f16']),
  )
  .addOption(memoryCapOption())
  .addOption(tuneOption())
  .addOption(
    new Option('--resample <what>', 'what goes back to the scan’s grid: labels, as in the paper, or logits')
      .choices(['labels', 'logits'])
      .default('logits'),
  )
  .option(
    '--tta <axes>',
    'average over windows mirrored along these axes, x,y,z, or none (default: the model’s)',
    axes,
  )
  .option('--skip-early', 'skip windows around a middle one without organs; labels may be lost')
  .option('--largest-component [organs]', 'keep the largest part alone, of all organs or of a,b,…')
  .option('--fill-holes [organs]', 'fill holes, of all organs or of a,b,…')
  .option('--postprocess', 'what `postprocess --choose` found to help this model')
  .option('--probabilities', 'write CASE_probabilities.nii, in 255ths')
  .option('--statistics', 'write CASE_statistics.json: volume in ml and mean HU of each organ')
  .option('--preview', 'write CASE.png: slices with the organs’ contours')
  .option('--dicom-seg', 'write CASE.dcm: the labels as a DICOM segmentation of the series that was read')
  .option(
    '--profile',
    'write profile.json: time, GPU memory and CPU as FLARE22 counts them; no case overlaps',
  )
  .action(async (options: Options) => {
    if (options.probabilities && options.resample === 'labels')
      throw new InputError('--probabilities is for --resample logits alone');
    const { input, out, memoryCap: memoryCapBytes, tune } = options;
    const { statistics, preview, dicomSeg, probabilities, profile } = options;
    const planned = await plannedSegmenter(options);
    if (probabilities && !planned.hasProbabilities)
      throw new InputError('--probabilities is of one model or an average, not of joined ones');
    const scans = await scansIn(input, planned.channelNames, options.series);
    if (dicomSeg)
      for (const { path } of scans)
        if (!(await isDicomScan(path)))
          throw new InputError(`${path}: is no DICOM; --dicom-seg refers to DICOM`);
    const postprocessing = await postprocessingOf(options, planned);
    const origin = withSeries(await planned.origin(postprocessing), options.series);
    await whileLocked(out, async () => {
      const extras = { statistics, preview, dicomSeg, probabilities, profile };
      const goesOn = options.continue ?? false;
      const predictions = await Predictions.open({ out, scans, input, origin, extras, goesOn });
      await withGpu({ memoryCapBytes, tune }, async (owner, signal) => {
        const segmenter = await planned.open(owner, signal);
        try {
          const failed = await predictScans(
            segmenter,
            predictions,
            signal,
            postprocessing,
            planned.calibration,
          );
          const { reports: cases } = predictions;
          print(options, { out, cases, failed }, `${plural(cases.length, 'label map')} in ${out}`);
          if (failed.length) process.exitCode = 1;
        } finally {
          segmenter.close();
        }
      });
    });
  });

/** The origin of label maps, and the DICOM series that they were asked for. */
const withSeries = (origin: Origin, series: string | undefined): Origin =>
  series === undefined ? origin : { ...origin, options: { ...origin.options, series } };

/** What the options name; the model in the box where they name none. Throws InputError where they name two. */
async function plannedSegmenter(options: Options): Promise<PlannedSegmenter> {
  const { model: named, join, totalsegmentator, task } = options;
  const how = predictorOptions(options);
  if (totalsegmentator !== undefined) {
    if (named || join)
      throw new InputError(
        '--totalsegmentator brings its own models and table: leave --model and --join out',
      );
    return await totalSegmentator(totalsegmentator, task ?? 'total', choicesOfEach(options, 1)[0]!, how);
  }
  if (task) throw new InputError('--task is for --totalsegmentator alone');
  if (!named && join) throw new InputError('--join is for several --model');
  const model = named ?? [DEFAULT_MODEL];
  const choices = await choicesOf(options, model);
  return join === undefined
    ? await averaged(model, choices, how)
    : await joinedByTable(model, join, choices, how);
}

function predictorOptions(options: Options): PredictorOptions {
  const { spacing, step, dtype, memoryCap: memoryCapBytes, resample, tta: mirror, skipEarly } = options;
  return {
    spacingMm: spacing === undefined ? undefined : [spacing, spacing, spacing],
    windowStep: step,
    dtype,
    memoryCapBytes,
    resample,
    mirror,
    skipEarly,
    confidence: options.statistics,
    onRetry: (why) => say(`${why}; trying again with less`),
  };
}

/** What the options ask for, or what the model was calibrated with. */
async function postprocessingOf(options: Options, planned: PlannedSegmenter): Promise<Postprocessing> {
  if (options.postprocess) {
    if (options.totalsegmentator || options.join)
      throw new InputError('--postprocess is not for joined models');
    const { notes, ...chosen } = await readChoice(options.model?.[0] ?? DEFAULT_MODEL, planned);
    for (const note of notes) say(note);
    return chosen;
  }
  const { labelNames, calibration } = planned;
  const labels = (asked: true | string | undefined) => {
    if (asked === undefined) return [];
    return asked === true ? organLabels(labelNames) : labelsOf(asked.split(','), labelNames);
  };
  const largest = options.largestComponent ?? (calibration?.keepsLargest || undefined);
  return { largestComponent: labels(largest), fillHoles: labels(options.fillHoles) };
}

function axes(text: string): ('x' | 'y' | 'z')[] {
  if (text === 'none') return [];
  const names = text.split(',');
  const isAxis = (name: string): name is 'x' | 'y' | 'z' => /^[xyz]$/.test(name);
  if (!names.every(isAxis) || new Set(names).size < names.length)
    throw new InvalidArgumentError('Expected some of x,y,z, or none.');
  return names;
}
