/**
 * The runs of an experiment: for each cohort and seed a teacher on the labelled cases, its labels for the unlabelled
 * ones, and each arm to its scores on the test cases; arm by arm, so that an experiment that is stopped has its first
 * arms with every seed. What is done is kept, what is half done goes on.
 *
 *   OUT/prepared, the training cases of all runs
 *   OUT/labelled-N/data, where the cases are phantoms
 *   OUT/labelled-N/seed-S/teacher, labels/MODEL, ARM/{run or fold-K, pseudo, predictions, scores.json, result.json}
 *   ARM/labels, where the arm ignores labels that are not probable enough
 *   OUT/labelled-N/teacher/{labels, predictions, scores.json, result.json}, where the teacher is a model from elsewhere,
 *   whose seeds share what it makes
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { type Dataset, openDataset } from '@organseg/files/dataset.ts';
import { firstDifference } from '@organseg/files/differences.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { ADVICE, assertNothingLost, caseFoldersOf } from '@organseg/files/outputs.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import type { LeastProbability } from '@organseg/train/config/leastProbability.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import { type PseudoLabelManifest, readManifest, writeManifest } from '@organseg/train/pseudo/manifest.ts';
import { judged } from '@organseg/train/pseudo/pseudoLabel.ts';
import { loadState } from '@organseg/train/run/checkpoint.ts';
import { isRun, readRun } from '@organseg/train/run/runFolder.ts';
import { readRecords } from '@organseg/train/run/trainingRecords.ts';
import { z } from 'zod';
import { writePhantoms } from '../phantom/writePhantoms.ts';
import {
  evaluateOrRead,
  type FoldRun,
  foldRuns,
  predictOrGoOn,
  testPairs,
  testReferences,
  trainOrGoOn,
} from '../pipeline/tasks.ts';
import { reportsIn } from '../predict/predictions.ts';
import { averaged, type PlannedTeacher } from '../predict/segmenters.ts';
import { labelWithProgress } from '../pseudoLabel/labelWithProgress.ts';
import { pseudoLabelTruth } from '../pseudoLabel/pseudoLabelTruth.ts';
import { say } from '../terminal/command.ts';
import { type Arm, armConfig, armOf, type Design, mirrorOf, slug, teacherConfig } from './design.ts';
import { type ArmOutcome, type ArmRun, armOutcome, average } from './results.ts';
import type { Source } from './source.ts';

const TEACHER = 'teacher';

export interface ExperimentOptions {
  /** Path of the design, for messages. */
  readonly path: string;
  readonly source: Source;
  readonly teacher: OutsideTeacher | undefined;
  readonly out: string;
  readonly signal: AbortSignal;
  /** Told all runs so far after each arm. */
  readonly onRun: (runs: readonly ArmRun[]) => Promise<void>;
}

/** A teacher of all seeds that was trained elsewhere. */
export interface OutsideTeacher {
  /** The path of the model, from which arms are fine-tuned. */
  readonly path: string;
  /** Which of its weights, where that is not left to the model. */
  readonly choice: NnunetChoice | undefined;
  /** The model, its labels those of the cohorts. */
  readonly planned: PlannedTeacher;
}

const STATE = 'experiment.json';

/** A folder belongs to one design, cohort and teacher: results of two are never mixed. */
export async function openState(
  design: Design,
  { out, source, teacher }: Pick<ExperimentOptions, 'out' | 'source' | 'teacher'>,
  resume: boolean,
): Promise<void> {
  const path = join(out, STATE);
  const origin = await teacher?.planned.origin(NO_POSTPROCESSING);
  const state = { data: source.data, teacher: origin, ...design };
  if (existsSync(path)) {
    if (!resume) throw new InputError(`${out}: holds an experiment already; --resume goes on with it`);
    const difference = firstDifference(await readJsonFile(path, z.unknown()), state);
    if (difference) {
      throw new InputError(`${out}: was made from another design, with ${difference}; ${ADVICE}`);
    }
    return;
  }
  const ofCohorts = source.labelled.flatMap((n) => [`labelled-${n}`, `differences-${n}-labelled.svg`]);
  const files = [STATE, 'results.json', 'results.html', 'prepared', ...ofCohorts];
  const inputs = [
    ...(source.data === undefined ? [] : caseFoldersOf(source.data)),
    ...(teacher ? [teacher.path] : []),
  ];
  await assertNothingLost({ folder: out, files, own: [], inputs });
  await writeWhole(path, `${JSON.stringify(state, null, 2)}\n`);
}

export async function runExperiment(
  owner: GpuOwner,
  design: Design,
  options: ExperimentOptions,
): Promise<readonly ArmRun[]> {
  const runs: ArmRun[] = [];
  for (const labelled of options.source.labelled) {
    const folder = join(options.out, `labelled-${labelled}`);
    const data = options.source.data ?? join(folder, 'data');
    if (design.phantom) {
      const { spacingMm } = design.phantom;
      await writePhantoms({ ...design.phantom, out: data, labelled, spacing: spacingMm }, options.signal);
    }
    const groups = design.seeds.map((seed) => new SeedGroup(owner, design, options, data, folder, seed));
    for (const arm of design.arms) {
      for (const group of groups) {
        const { seed } = group;
        say(`— ${labelled} labelled, ${arm.name}, seed ${seed}`);
        runs.push({ labelled, seed, arm: arm.name, ...(await group.run(arm)) });
        await options.onRun(runs);
      }
    }
  }
  return runs;
}

/** The arms of one seed share a teacher and its labels. */
class SeedGroup {
  readonly #owner: GpuOwner;
  readonly #design: Design;
  readonly #options: ExperimentOptions;
  readonly #data: string;
  readonly #folder: string;
  /** The folder of what a teacher from elsewhere makes, for all seeds of the cohort. */
  readonly #shared: string;
  readonly seed: number;

  constructor(
    owner: GpuOwner,
    design: Design,
    options: ExperimentOptions,
    data: string,
    cohort: string,
    seed: number,
  ) {
    this.#owner = owner;
    this.#design = design;
    this.#options = options;
    this.#data = data;
    this.#folder = join(cohort, `seed-${seed}`);
    this.#shared = join(cohort, TEACHER);
    this.seed = seed;
  }

  /** Trains, predicts and scores an arm, or what is left of that. What is done may lack its runs. */
  async run(arm: Arm): Promise<ArmOutcome> {
    const { signal } = this.#options;
    const outside = arm.start === 'same' ? this.#options.teacher : undefined;
    const own = outside ? this.#shared : join(this.#folder, slug(arm.name));
    const result = join(own, 'result.json');
    const runs = this.#runsOf(arm);
    if (existsSync(result) && !runs.some(({ out }) => isRun(out))) {
      say(`${result}: done before`);
      return await readJsonFile(result, armOutcome);
    }
    const config = this.#config(arm);
    const dataset = await openDataset(this.#data);
    const references = testReferences(dataset);
    const prepared = this.#prepared;
    const predictions = join(own, 'predictions');
    const isGiven = arm.unlabelled === 'pseudo-labels' || arm.unlabelled === 'truth';
    const pseudo = isGiven ? await this.#pseudo(arm, config, own) : undefined;
    const init = arm.start === 'scratch' ? undefined : await this.#teacher();
    if (arm.start !== 'same') {
      for (const { out, fold } of runs) {
        const branches = arm.start === 'branch';
        const request = {
          data: this.#data,
          out,
          config,
          init,
          initChoice: init === this.#options.teacher?.path ? this.#options.teacher?.choice : undefined,
          branches,
          pseudo: pseudo?.folder,
          fold,
          prepared,
        };
        await trainOrGoOn(this.#owner, request, signal);
      }
    }
    const folders = runs.map(({ out }) => out);
    const model = outside?.planned ?? (await averaged(folders, {}, { mirror: mirrorOf(arm, config) }));
    const isNew = await predictOrGoOn(this.#owner, model, dataset.test, predictions, signal);
    const scores = join(own, 'scores.json');
    const evaluation = await evaluateOrRead(
      testPairs(references, predictions),
      this.#options.source.organs,
      scores,
      isNew,
    );
    const reports = await reportsIn(predictions);
    const outcome = {
      cases: evaluation.cases,
      steps: outside ? 0 : await stepsOf(folders[0]!),
      predictionSeconds: average(reports.map(({ seconds }) => seconds)),
      predictionGpuBytes: Math.max(...reports.map(({ peakGpuBytes }) => peakGpuBytes)),
      pseudoLabels: pseudo ? await this.#quality(pseudo.manifest, pseudo.folder, dataset) : null,
      labellings: outside ? [] : await labellingsOf(folders),
    };
    await writeWhole(result, `${JSON.stringify(outcome, null, 2)}\n`);
    return outcome;
  }

  /** The folder of prepared cases, which all runs share. */
  get #prepared(): string {
    return join(this.#options.out, 'prepared');
  }

  #config = (arm: Arm) => armConfig(this.#design, arm, this.seed, this.#options.path);

  /** The runs of an arm's models: one, or one of each fold; the teacher's, if it is a run, where the arm is the teacher. */
  #runsOf(arm: Arm): { out: string; fold: FoldRun['fold'] }[] {
    if (arm.start === 'same')
      return this.#options.teacher ? [] : [{ out: join(this.#folder, TEACHER), fold: undefined }];
    const own = join(this.#folder, slug(arm.name));
    return foldRuns(this.#config(arm), 'run').map(({ name, fold }) => ({ out: join(own, name), fold }));
  }

  /** The model that labels and that arms start from: a run of the seed, or one from elsewhere. */
  async #teacher(): Promise<string> {
    if (this.#options.teacher) return this.#options.teacher.path;
    const out = join(this.#folder, TEACHER);
    const config = teacherConfig(this.#design, this.seed, this.#options.path);
    const request = { data: this.#data, out, config, prepared: this.#prepared };
    await trainOrGoOn(this.#owner, request, this.#options.signal);
    return out;
  }

  /** The labels of all unlabelled cases by the average of arms' models, or by the teacher, with every score. */
  async #labels(
    by: Arm['labelledBy'],
    { out, least, comparedWith }: { out: string; least: LeastProbability; comparedWith?: string | undefined },
  ): Promise<PseudoLabelManifest> {
    const { signal } = this.#options;
    const compared = comparedWith === undefined ? [] : [this.#labelFolder([comparedWith])];
    if (comparedWith !== undefined) await this.#labels([comparedWith], { out: compared[0]!, least: 0 });
    const { unlabelled } = await openDataset(this.#data);
    const planned = (await this.#labeller(by)).ignoringBelow(least);
    const origin = await planned.origin(NO_POSTPROCESSING);
    const segmenter = await planned.open(this.#owner, signal);
    try {
      const selection = [{ strategy: 'keep-all' as const }];
      const options = { origin, out, selection, compared, signal };
      return await labelWithProgress(segmenter, unlabelled, options);
    } finally {
      segmenter.close();
    }
  }

  /** What labels: the average of arms' models, or the teacher. */
  async #labeller(by: Arm['labelledBy']): Promise<PlannedTeacher> {
    const { teacher, path } = this.#options;
    if (teacher && this.#isTeacher(by)) return teacher.planned;
    const arms = by?.map((name) => armOf(this.#design, name));
    const runs = arms?.flatMap((arm) => this.#runsOf(arm).map(({ out }) => out)) ?? [await this.#teacher()];
    const mirror = arms
      ? mirrorOf(arms[0]!, this.#config(arms[0]!))
      : teacherConfig(this.#design, this.seed, path).teacherMirror;
    return await averaged(runs, {}, { mirror, confidence: true });
  }

  #isTeacher = (by: Arm['labelledBy']): boolean =>
    by?.every((name) => armOf(this.#design, name).start === 'same') ?? true;

  #labelFolder(by: Arm['labelledBy']): string {
    if (this.#options.teacher && this.#isTeacher(by)) return join(this.#shared, 'labels');
    return join(this.#folder, 'labels', by ? slug(by.join(' and ')) : TEACHER);
  }

  /** The arm's manifest: labels that lie elsewhere, and its own choice among them. */
  async #pseudo(arm: Arm, { selection, pseudoLeastProbability }: Config, own: string) {
    const folder = join(own, 'pseudo');
    if (existsSync(join(folder, 'manifest.json'))) return { folder, manifest: await readManifest(folder) };
    const isTruth = arm.unlabelled === 'truth';
    const least = isTruth ? 0 : pseudoLeastProbability;
    // Labels that are partly ignored are the arm's alone.
    const out = [least].flat().some((probability) => probability > 0)
      ? join(own, 'labels')
      : this.#labelFolder(arm.labelledBy);
    const labelled = await this.#labels(arm.labelledBy, { out, least, comparedWith: arm.comparedWith });
    const manifest: PseudoLabelManifest = {
      ...labelled,
      labels: resolve(isTruth ? join(this.#data, 'labelsUn') : out),
      selection: isTruth ? [] : selection,
      cases: judged(labelled.cases, isTruth ? [] : selection),
    };
    await makeFolder(folder);
    await writeManifest(folder, manifest);
    return { folder, manifest };
  }

  async #quality(
    manifest: PseudoLabelManifest,
    folder: string,
    { labelNames, ignoreLabel }: Dataset,
  ): Promise<ArmRun['pseudoLabels']> {
    const truth = await pseudoLabelTruth(
      this.#data,
      manifest.labels ?? folder,
      manifest,
      labelNames.length,
      ignoreLabel,
    );
    const dsc = (kept: boolean) =>
      average(
        manifest.cases
          .filter((each) => each.kept === kept && truth.has(each.case))
          .map((each) => truth.get(each.case)!),
      );
    const kept = manifest.cases.filter((each) => each.kept).length;
    return { kept, of: manifest.cases.length, keptDsc: dsc(true), leftOutDsc: dsc(false) };
  }
}

/** Optimiser steps to a run's last weights, those of the run that it started from included; a model's are not known. */
const stepsOf = async (folder: string): Promise<number> =>
  (await stepsBefore(folder)) + loadState(folder).step;

/** The steps among them that a run's own count leaves out: a branch counts on from where it branched. */
async function stepsBefore(folder: string): Promise<number> {
  const { init, branches } = await readRun(folder);
  return init && !branches && isRun(init) ? await stepsOf(init) : 0;
}

/** The labels that an arm's runs gave unlabelled scans themselves: their steps, and the runs' mean of their true DSC. */
async function labellingsOf(folders: readonly string[]): Promise<ArmRun['labellings']> {
  const before = await stepsBefore(folders[0]!);
  const records = (await Promise.all(folders.map(readRecords))).flat();
  const byStep = Map.groupBy(
    records.filter((record) => record.event === 'labelling'),
    ({ step }) => step,
  );
  return [...byStep].flatMap(([step, own]) => {
    const known = own.flatMap(({ trueDsc }) => trueDsc ?? []);
    return known.length ? [{ step: before + step, dsc: average(known) }] : [];
  });
}
