/** The start of a training run, or of the rest of one: which cases it learns from and which it is judged by. */

import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { Random } from '@organseg/core/random.ts';
import { plural } from '@organseg/core/words.ts';
import { type Dataset, type DatasetCase, openDataset, type UnlabelledCase } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { CODED_CLASSES } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { elementCount } from '@organseg/kernels/tensor.ts';
import { assertChannels, knownChannels } from '../config/channels.ts';
import { checkClasses, mixesUnlabelled } from '../config/copyPaste.ts';
import { precisionOf } from '../config/network.ts';
import { assertRegions, settingsOfRegions } from '../config/regions.ts';
import type { Config, TrainingPhase } from '../config/schema.ts';
import { labelNotes, scanNotes } from '../data/caseNotes.ts';
import { CaseStore } from '../data/caseStore.ts';
import { type PrepareHooks, prepareAll } from '../data/prepareAll.ts';
import { preparedFor } from '../data/prepareImage.ts';
import { type AskedFold, foldOf, type Split, splitsOf } from '../data/splits.ts';
import type { NnunetChoice } from '../imported/nnunet/choice.ts';
import { keptCases, readManifest } from '../pseudo/manifest.ts';
import { LATEST } from './checkpoint.ts';
import { initialWeights } from './initialWeights.ts';
import { assertFits } from './memory.ts';
import { openInitial } from './openInitial.ts';
import { assertSameData, sourcesOf, trainedOn } from './runData.ts';
import type { RunDescription } from './runDescription.ts';
import { assertNoRun, assertRun, createRun, forgetRun, openPrepared, readRun, saveRun } from './runFolder.ts';
import { assertSameSettings, assertSameWeights, branchDigest } from './sameSettings.ts';
import { assertBranch } from './startingPoint.ts';
import type { TrainingCases, TrainingHooks, TrainingResult } from './trainingJob.ts';
import { train } from './trainingLoop.ts';

export interface TrainRequest {
  readonly data: string;
  /** Folder of the run. */
  readonly out: string;
  readonly config: Config;
  /** The run, or the model trained elsewhere, to start from; this one is then a fine-tuning. */
  readonly init?: string | undefined;
  /** Which of its weights, where it is a model of nnU-Net. */
  readonly initChoice?: NnunetChoice | undefined;
  /** Whether that run is gone on from where it kept a checkpoint for it, in its initial phase. */
  readonly branches?: boolean | undefined;
  /** Folder of pseudo-labels to learn from as well. */
  readonly pseudo?: string | undefined;
  /** Fold of a cross-validation; without one a share of the labelled cases is kept for validation. */
  readonly fold?: AskedFold | undefined;
  /** Folder of prepared cases that runs share; without one the run has one of its own. */
  readonly prepared?: string | undefined;
}

export interface RunHooks extends TrainingHooks, PrepareHooks {
  /** Told what the user should know before it starts. */
  readonly onNote?: (text: string) => void;
  /** Told what the user should know of the data: much the same for each run on them. */
  readonly onDataNote?: (text: string) => void;
}

/** Starts a run. Throws InputError where the folder holds one already, or another process is at work in it. */
export async function startRun(
  gpu: Gpu,
  request: TrainRequest,
  hooks: RunHooks = {},
): Promise<TrainingResult> {
  await assertNoRun(request.out, request);
  const precision = precisionOf(request.config, gpu);
  const dataset = await openDataset(request.data);
  const { labelNames, regions } = dataset;
  const config: Config = {
    ...request.config,
    precision,
    classes: labelNames.length,
    regions: settingsOfRegions(regions),
  };
  assertChannels(config, dataset);
  assertRegions(config, request.data);
  checkClasses(config, (fault) => {
    throw new InputError(`${request.data}: ${fault}`);
  });
  const fold = request.fold && (await foldOf(dataset, request.fold));
  const cases = await chooseCases(dataset, config, { pseudo: request.pseudo, fold });
  for (const note of dataset.notes) hooks.onDataNote?.(note);
  const { init, initChoice, branches = false } = request;
  // Refused before the run is begun.
  if (init && branches) await assertBranch(init, config, dataset.labelNames);
  const initial = init && !branches ? await openInitial(init, initChoice) : undefined;
  if (initial) {
    const { notes } = await initialWeights(initial, config, dataset.labelNames, new Random(config.seed));
    for (const note of notes) hooks.onNote?.(note);
  }
  const phase: TrainingPhase = initial ? 'fineTuning' : 'initial';
  await assertFits(gpu, config, phase, config.patch); // at least; how large the volumes are is not known yet
  const run: RunDescription = {
    phase,
    data: resolve(request.data),
    init: init ? resolve(init) : null,
    initChoice,
    branches,
    initWeights: initial ? await initial.weights.sha256() : init ? await branchDigest(init) : null,
    pseudo: request.pseudo ? resolve(request.pseudo) : null,
    fold: fold ?? null,
    prepared: request.prepared ? resolve(request.prepared) : null,
    labelNames: dataset.labelNames,
    ignoreLabel: dataset.ignoreLabel ?? null,
    channelNames: knownChannels(config, dataset.channelNames),
    trainingCases: trainedOn(cases),
    validationCases: cases.validation.map(({ name }) => name),
    sources: null,
    config,
  };
  if (run.prepared) await openPrepared(run.prepared, run.data); // or nothing is begun
  return await whileLocked(request.out, async () => {
    await createRun(request.out, run);
    const store = await prepare(gpu, request.out, run, cases, hooks).catch(async (error) => {
      if (error instanceof InputError) await forgetRun(request.out); // what is at fault may be mended, then begun anew
      throw error;
    });
    return await begin(gpu, request.out, run, cases, store, hooks);
  });
}

/**
 * Goes on with a run, bit for bit as if it had not stopped; from its start if it stopped before a checkpoint. Throws
 * InputError where its data are not those that it was started with, or another process is at work in the folder.
 */
export async function resumeRun(gpu: Gpu, folder: string, hooks: RunHooks = {}): Promise<TrainingResult> {
  assertRun(folder);
  return await whileLocked(folder, () => goOn(gpu, folder, hooks));
}

async function goOn(gpu: Gpu, folder: string, hooks: RunHooks): Promise<TrainingResult> {
  const run = await readRun(folder);
  precisionOf(run.config, gpu); // refused before any case is prepared
  const cases = await unchangedCases(folder, run);
  const isBegun = existsSync(join(folder, LATEST));
  if (isBegun && !run.sources)
    hooks.onNote?.(`${folder}: an earlier version began it, so whether its data have changed is not known`);
  const store = await prepare(gpu, folder, run, cases, hooks);
  return isBegun
    ? await train({ gpu, folder, run, cases, store, hooks }, true)
    : await begin(gpu, folder, run, cases, store, hooks);
}

/**
 * Throws InputError where a run's settings, data or first weights are not those that it was started with, or its best
 * checkpoint is missing.
 */
export async function assertUnchanged(folder: string): Promise<void> {
  await unchangedCases(folder, await readRun(folder));
}

async function unchangedCases(folder: string, run: RunDescription): Promise<TrainingCases> {
  const hasCheckpoint = existsSync(join(folder, LATEST));
  if (hasCheckpoint) assertSameSettings(folder, run);
  await assertSameWeights(folder, run, hasCheckpoint);
  const dataset = await openDataset(run.data);
  assertChannels(run.config, dataset);
  const cases = await chooseCases(dataset, run.config, run);
  await assertSameData(folder, run, cases, dataset);
  return cases;
}

/** Prepares the cases of a run. Throws InputError where one is broken, or the training would not fit the GPU. */
async function prepare(
  gpu: Gpu,
  folder: string,
  run: RunDescription,
  cases: TrainingCases,
  hooks: RunHooks,
): Promise<CaseStore> {
  noteReadings(run, cases, hooks);
  const prepared = run.prepared ?? join(folder, 'prepared');
  const { config, channelNames } = run;
  const store = new CaseStore(gpu, prepared, preparedFor(config, channelNames), config.classes);
  const { labelled, pseudo, unlabelled, truth, validation } = cases;
  const all = [...new Set([...labelled, ...validation, ...pseudo, ...unlabelled, ...truth])];
  const sizes = await prepareAll(all, store, hooks);
  const largest = validation
    .map((source) => sizes.get(source)!)
    .reduce((a, b) => (elementCount(b) > elementCount(a) ? b : a), [0, 0, 0]);
  const notes = [
    ...scanNotes(all, store),
    ...labelNotes([...labelled, ...pseudo], validation, store, run.labelNames, run.data),
  ];
  for (const note of notes) hooks.onDataNote?.(note);
  gpu.arena.trim(); // what preparing left for reuse is not for training
  gpu.arena.resetPeaks();
  await assertFits(gpu, run.config, run.phase, largest);
  return store;
}

/** Records what the cases were prepared from, and trains from the start. */
async function begin(
  gpu: Gpu,
  folder: string,
  run: RunDescription,
  cases: TrainingCases,
  store: CaseStore,
  hooks: RunHooks,
): Promise<TrainingResult> {
  await saveRun(folder, { ...run, sources: sourcesOf(run.data, store.records) });
  return await train({ gpu, folder, run, cases, store, hooks }, false);
}

/** Notes how this run reads what the paper leaves open. */
function noteReadings(
  { config, phase, data, init, branches }: RunDescription,
  { labelled, pseudo, unlabelled, validation }: TrainingCases,
  hooks: RunHooks,
) {
  const { onNote } = hooks;
  onNote?.(
    `${branches ? `branched from ${init}` : phase === 'initial' ? 'initial training' : 'fine-tuning'}: ${labelled.length} labelled, ${pseudo.length} pseudo-labelled, ${unlabelled.length} unlabelled and ${plural(validation.length, 'validation case')}`,
  );
  if (labelled.some(({ labels }) => relative(join(data, 'labelsTr'), labels).startsWith('..')))
    onNote?.(
      'no case is labelled: the pseudo-labels are learnt from, and validated on, as if they were labels',
    );
  if (labelled.some((source) => validation.includes(source))) {
    onNote?.('one labelled case only: it is validated on too, so the best checkpoint is not chosen fairly');
  }
  const { epochs, learningRate } = config[phase];
  const horizon = config.decayHorizonEpochs;
  if (horizon && horizon < epochs) {
    onNote?.(
      `lr × (1 − epoch/${horizon})^${config.decayPower} ends before epoch ${epochs}: from there on lr ${learningRate * config.learningRateFloor}`,
    );
  }
}

/**
 * The cases of a run: labelled ones, some of them kept for validation, and the pseudo-labelled ones that were kept. Where
 * nobody has labelled any, the pseudo-labelled ones are learnt from and validated on as if somebody had. Throws InputError where the data set lacks what the run asks for.
 */
async function chooseCases(
  dataset: Dataset,
  config: Config,
  { fold, pseudo }: { [key in 'fold' | 'pseudo']?: RunDescription[key] | undefined },
): Promise<TrainingCases> {
  const { folder } = dataset;
  const kept = pseudo ? keptCases(await readManifest(pseudo), pseudo, dataset) : [];
  const hasLabels = dataset.labelled.length > 0;
  const labelled = hasLabels ? dataset.labelled : kept;
  if (!labelled.length)
    throw new InputError(
      `${folder}: imagesTr holds no CASE_0000.nii.gz${pseudo ? `, and ${pseudo} no case that was kept` : ''}`,
    );
  const classes = dataset.labelNames.length;
  if (classes > CODED_CLASSES && [...labelled, ...kept].some(({ ignoreLabel }) => ignoreLabel !== undefined))
    throw new InputError(
      `${folder}: its labels are partly to be ignored, which at most ${CODED_CLASSES} classes allow, not ${classes}`,
    );
  const { train, val } = fold
    ? (await splitsOf(dataset, fold.folds))[fold.fold]
    : shareKept(labelled, config);
  const named = (names: readonly string[]) => labelled.filter(({ name }) => names.includes(name));
  const mixes = mixesUnlabelled(config);
  const unlabelled = mixes && pseudo ? kept : config.consistency || mixes ? dataset.unlabelled : [];
  if ((config.consistency || mixes) && !unlabelled.length) {
    const what = mixes ? 'copyPaste' : 'consistency';
    throw new InputError(
      pseudo
        ? `${pseudo}: no case was kept, which ${what} learns from`
        : `${folder}: imagesUn holds no CASE_0000.nii.gz, which ${what} learns from`,
    );
  }
  return {
    labelled: named(train),
    pseudo: hasLabels && !mixes ? kept : [],
    unlabelled,
    truth: mixes ? unlabelled.flatMap((source) => withTruth(dataset, source)) : [],
    validation: named(val),
  };
}

/** An unlabelled case with its true labels, where `labelsUn` holds them: generated data sets have that folder. */
function withTruth({ folder, ignoreLabel }: Dataset, { name, image }: UnlabelledCase): DatasetCase[] {
  const labels = join(folder, 'labelsUn', `${name}.nii.gz`);
  return existsSync(labels) ? [{ name, image, labels, ignoreLabel }] : [];
}

/** The split that keeps a share of the labelled cases for validation; a single case is used for both. */
function shareKept(labelled: readonly DatasetCase[], { seed, validationShare }: Config): Split {
  const names = labelled.map(({ name }) => name);
  const shuffled = new Random(seed).fork('validation').shuffle([...names]);
  const wanted = Math.max(1, Math.round(names.length * validationShare));
  const val = shuffled.slice(0, Math.min(wanted, Math.max(1, names.length - 1)));
  return { train: names.length > 1 ? names.filter((name) => !val.includes(name)) : names, val };
}
