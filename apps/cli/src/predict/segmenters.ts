/** What segments, as the command line asks for it: a model, an average of several, or several whose labels are joined. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { namesById } from '@organseg/core/regions.ts';
import { listed, plural } from '@organseg/core/words.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { namesIn } from '@organseg/files/read.ts';
import { CODED_CLASSES } from '@organseg/kernels/codedLabels.ts';
import {
  checkLeastProbability,
  type LeastProbability,
  leastProbabilities,
} from '@organseg/train/config/leastProbability.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import { JoinedPredictor, type JoinRequest } from '@organseg/train/joined/joinedPredictor.ts';
import { joinTable, type LabelTable, lookupOf, namesOf } from '@organseg/train/joined/labelLookup.ts';
import { thirdsOf } from '@organseg/train/joined/thirds.ts';
import {
  TASK_WINDOW_STEP,
  TASKS,
  type Task,
  type TaskName,
} from '@organseg/train/joined/totalSegmentatorTasks.ts';
import type { Calibration } from '@organseg/train/predict/calibration.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import type { Model, ModelWeights } from '@organseg/train/predict/model.ts';
import { type Origin, optionsOf, originOf } from '@organseg/train/predict/origin.ts';
import type { Postprocessing } from '@organseg/train/predict/postprocessing.ts';
import { Predictor, type PredictorOptions, type Segmenter } from '@organseg/train/predict/predictor.ts';
import { openWithNotes } from '../model/openWithNotes.ts';

/** What will segment, before a GPU is opened. */
export interface PlannedSegmenter {
  readonly labelNames: readonly string[];
  readonly channelNames: readonly string[];
  readonly weights: readonly ModelWeights[];
  /** Whether it gives probabilities. */
  readonly hasProbabilities: boolean;
  /** What is known of how far its labels are to be trusted. */
  readonly calibration?: Calibration | undefined;
  origin(postprocessing: Postprocessing): Promise<Origin>;
  /** Whoever opens it closes it. */
  open(owner: GpuOwner, signal: AbortSignal): Promise<Segmenter>;
}

/** What will give pseudo-labels. */
export interface PlannedTeacher extends PlannedSegmenter {
  /**
   * The same, but voxels are IGNORED whose label's probability is below that of the label; itself where every label
   * counts. Throws InputError where the model cannot tell, or the numbers are not as many as labels.
   */
  ignoringBelow(least: LeastProbability): PlannedTeacher;
}

/**
 * The model of these folders, whose logits are averaged where they are several; the choice holds for all, or is one for
 * each. Throws InputError.
 */
export async function averaged(
  paths: readonly string[],
  choice: NnunetChoice | readonly NnunetChoice[],
  options: PredictorOptions,
): Promise<PlannedTeacher> {
  const model = await openWithNotes(paths, choice);
  assertMeant(options, model);
  const confidence = options.confidence ?? model.calibration !== undefined;
  return ofModel(model, { ...options, confidence });
}

function ofModel(model: Model, options: PredictorOptions): PlannedTeacher {
  const { labelNames, channelNames, calibration } = model;
  const planned: PlannedTeacher = {
    labelNames,
    channelNames,
    weights: model.weights,
    hasProbabilities: true,
    calibration,
    origin: (postprocessing) => originOf(model, optionsOf(model, options, postprocessing)),
    open: (owner, signal) => Predictor.open(owner, model, { ...options, signal }),
    ignoringBelow: (asked) => {
      const leastProbability = leastOf(asked, model, labelNames);
      return leastProbability ? ofModel(model, { ...options, leastProbability }) : planned;
    },
  };
  return planned;
}

/**
 * The least probability of each of these labels; undefined where every label counts. Throws InputError where the model
 * cannot tell, or the numbers are not as many as labels.
 */
function leastOf(
  asked: LeastProbability,
  { paths, regions, network }: Model,
  labelNames: readonly string[],
): readonly number[] | undefined {
  const fail = (fault: string) => {
    throw new InputError(`${paths[0]}: ${fault}`);
  };
  checkLeastProbability(asked, labelNames.length, 'a least probability', fail);
  const least = leastProbabilities(asked, labelNames.length);
  if (least.every((probability) => probability === 0)) return undefined;
  if (regions) fail('its labels are regions, of which no least probability can be asked');
  if (network.classes > CODED_CLASSES)
    fail(`a least probability expects at most ${CODED_CLASSES} classes, not ${network.classes}`);
  return least;
}

/** The models of these folders, a choice for each, their labels joined by the table of a file. Throws InputError. */
export async function joinedByTable(
  paths: readonly string[],
  table: string,
  choices: readonly NnunetChoice[],
  options: PredictorOptions,
): Promise<PlannedSegmenter> {
  const read = await readJsonFile(table, joinTable);
  if (read.models.length !== paths.length)
    throw new InputError(
      `${table}: models expects ${plural(paths.length, 'table')}, one for each --model; got ${read.models.length}`,
    );
  const labelNames = namesOf(read, table);
  const parts = await Promise.all(
    paths.map(async (path, i) => {
      const model = await openWithNotes(path, choices[i]!);
      const source = `${table}: models.${i}`;
      const lookup = lookupOf(read.models[i]!, model, labelNames, source);
      if (!lookup.some(Boolean))
        throw new InputError(
          `${source}: no label of ${path} becomes a joined one; it has ${model.labelNames.join(', ')}`,
        );
      return { model, lookup };
    }),
  );
  return joined({ parts, labelNames }, options, { join: read });
}

/** The models of one of TotalSegmentator's tasks, in its folder of weights. Throws InputError where one is missing. */
export async function totalSegmentator(
  folder: string,
  name: TaskName,
  choice: NnunetChoice,
  options: PredictorOptions,
): Promise<PlannedSegmenter> {
  const task: Task = TASKS[name];
  const labelNames = ['background', ...task.parts.flatMap(({ labels }) => labels)];
  const parts: JoinRequest['parts'][number][] = [];
  for (const { dataset, labels } of task.parts) {
    const model = await openWithNotes(await modelFolder(folder, dataset), choice);
    if (model.labelNames.length !== labels.length + 1)
      throw new InputError(
        `${model.paths[0]}: has ${model.labelNames.length - 1} labels, the task ${name} expects ${labels.length}`,
      );
    const before = parts.reduce((sum, { lookup }) => sum + lookup.length - 1, 0);
    const lookup = Uint8Array.from(model.labelNames, (_, label) => label && before + label);
    parts.push({ model, lookup });
  }
  const { windowStep = TASK_WINDOW_STEP, mirror = [] } = options;
  // Scans are cut where several models are joined, and only there.
  const piecesOf = parts.length > 1 ? thirdsOf : undefined;
  const request = { parts, labelNames, zoomMm: task.spacingMm, piecesOf };
  return joined(request, { ...options, windowStep, mirror }, { task: name });
}

/** A model whose labels are others', and what became of them in words. */
export interface Translated {
  readonly planned: PlannedTeacher;
  readonly notes: readonly string[];
}

/** The data set that a model's labels are made for; its channels, where they are known. */
interface Target {
  readonly labelNames: readonly string[];
  readonly channelNames?: readonly string[];
}

/**
 * The model of a folder, its labels translated into others by a table, or by their names without one. Throws InputError
 * where it reads other numbers of channels, and, naming `source`, where none of its labels becomes any.
 */
export async function translated(
  path: string,
  choice: NnunetChoice,
  { labelNames, channelNames }: Target,
  table: LabelTable | undefined,
  source: string,
  options: PredictorOptions = {},
): Promise<Translated> {
  const model = await openWithNotes(path, choice);
  if (channelNames && channelNames.length !== model.channelNames.length)
    throw new InputError(
      `${path}: reads the channels ${model.channelNames.join(', ')}, those of the data set are ${channelNames.join(', ')}`,
    );
  const shared = model.labelNames.slice(1).filter((name) => labelNames.indexOf(name) > 0);
  const asked = table ?? Object.fromEntries(shared.map((name) => [name, name]));
  const lookup = lookupOf(asked, model, labelNames, source);
  const made = new Set(lookup);
  const lacking = labelNames.filter((_, label) => label > 0 && !made.has(label));
  if (lacking.length === labelNames.length - 1)
    throw new InputError(
      `${source}: no label of the model (${listed(model.labelNames.slice(1))}) becomes one of the data set (${listed(labelNames.slice(1))}); --label-map says which does`,
    );
  const idNames = namesById(model.labelNames, model.regions);
  const became = [...lookup].flatMap((to, id) =>
    !to ? [] : idNames[id] === labelNames[to] ? [labelNames[to]!] : [`${idNames[id]} → ${labelNames[to]}`],
  );
  const request = { parts: [{ model, lookup }], labelNames };
  const how = { labels: [...labelNames], lookup: [...lookup] };
  const ignoring = (least?: readonly number[]): PlannedTeacher => {
    const ofLabels = least && { leastProbability: [...lookup].map((to) => least[to]!) };
    const planned: PlannedTeacher = {
      ...joined(
        request,
        { ...options, confidence: true, ...ofLabels },
        { ...how, ...(least && { leastProbability: [...least] }) },
      ),
      ignoringBelow: (asked) => {
        const found = leastOf(asked, model, labelNames);
        return found ? ignoring(found) : planned;
      },
    };
    return planned;
  };
  return {
    planned: ignoring(),
    notes: [
      `of the teacher’s labels are learnt: ${became.join(', ')}`,
      ...(lacking.length ? [`the teacher labels no ${listed(lacking)}, which stay background`] : []),
    ],
  };
}

function joined(request: JoinRequest, options: PredictorOptions, how: Origin['options']): PlannedSegmenter {
  const models = request.parts.map(({ model }) => model);
  for (const model of models) assertMeant(options, model);
  const { channelNames } = models[0]!;
  const other = models.find((model) => model.channelNames.length !== channelNames.length);
  if (other)
    throw new InputError(
      `${other.paths[0]}: reads ${other.channelNames.length} channels, ${models[0]!.paths[0]} ${channelNames.length}`,
    );
  return {
    labelNames: request.labelNames,
    channelNames,
    weights: models.flatMap(({ weights }) => weights),
    hasProbabilities: false,
    origin: async (postprocessing) => {
      const origins = await Promise.all(
        models.map((model) => originOf(model, optionsOf(model, options, postprocessing))),
      );
      return {
        models: origins.flatMap((origin) => origin.models),
        weights: origins.flatMap((origin) => origin.weights),
        options: { ...how, parts: origins.map((origin) => origin.options) },
      };
    },
    open: async (owner, signal) => new JoinedPredictor(owner, request, { ...options, signal }),
  };
}

/** Throws InputError where an option means nothing to a model, whose own settings leave no choice of it. */
function assertMeant({ spacingMm, resample }: PredictorOptions, { paths, preprocessing }: Model): void {
  if (preprocessing.by !== 'nnU-Net') return;
  const option = spacingMm ? '--spacing' : resample === 'labels' ? '--resample labels' : undefined;
  if (option)
    throw new InputError(
      `${paths[0]}: prepares scans as nnU-Net does, and says how it resamples; leave ${option} out`,
    );
}

/** The one 3D model of a data set by its number: `DatasetNNN_…/TRAINER__PLANS__3d_…`. */
async function modelFolder(folder: string, dataset: number): Promise<string> {
  const id = `Dataset${String(dataset).padStart(3, '0')}_`;
  const found = (await namesIn(folder)).filter((name) => name.startsWith(id));
  if (found.length !== 1)
    throw new InputError(
      `${folder}: holds ${found.length ? found.join(', ') : `no ${id}…`}; one is expected`,
    );
  const inside = join(folder, found[0]!);
  const models = (await namesIn(inside)).filter(
    (name) => /__3d_fullres/.test(name) && existsSync(join(inside, name, 'plans.json')),
  );
  if (models.length !== 1)
    throw new InputError(
      `${inside}: holds ${models.length ? models.join(', ') : 'no TRAINER__PLANS__3d_fullres'}; one is expected`,
    );
  return join(inside, models[0]!);
}
