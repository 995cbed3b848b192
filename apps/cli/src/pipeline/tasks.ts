/** The tasks of pipelines and experiments: each is skipped where it is done and goes on where it is half done. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { ScoredOrgan } from '@organseg/core/metrics/score.ts';
import type { Region } from '@organseg/core/regions.ts';
import { plural } from '@organseg/core/words.ts';
import type { Dataset, UnlabelledCase } from '@organseg/files/dataset.ts';
import { type FileRecord, fileRecord } from '@organseg/files/fileFacts.ts';
import { isAsRecorded, recordOf } from '@organseg/files/fileRecord.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import { isFinished, isRun } from '@organseg/train/run/runFolder.ts';
import { assertUnchanged, resumeRun, startRun, type TrainRequest } from '@organseg/train/run/startRun.ts';
import { z } from 'zod';
import { type CasePair, type Evaluation, evaluateCases, evaluationFile } from '../evaluate/evaluateCases.ts';
import { Predictions } from '../predict/predictions.ts';
import { predictScans } from '../predict/predictScans.ts';
import type { PlannedSegmenter } from '../predict/segmenters.ts';
import { say } from '../terminal/command.ts';
import { trainingProgress } from '../train/trainingProgress.ts';

/** Trains a run, or what is left of it. Rejects with the signal’s reason where that stopped it. */
export async function trainOrGoOn(
  { gpu }: GpuOwner,
  request: TrainRequest,
  signal: AbortSignal,
): Promise<void> {
  if (await isFinished(request.out)) {
    await assertUnchanged(request.out);
    say(`${request.out}: done before`);
    return;
  }
  const hooks = { ...trainingProgress('training'), signal };
  await (isRun(request.out) ? resumeRun(gpu, request.out, hooks) : startRun(gpu, request, hooks));
  hooks.finish();
  signal.throwIfAborted();
}

/** A run of a model: the name of its folder, and the fold that it trains, where there are folds. */
export interface FoldRun {
  readonly name: string;
  readonly fold: TrainRequest['fold'];
}

/** The runs whose logits a model averages: one of the given name, or one of each fold. */
export const foldRuns = ({ folds }: Pick<Config, 'folds'>, name: string): FoldRun[] =>
  folds === null
    ? [{ name, fold: undefined }]
    : Array.from({ length: folds }, (_, fold) => ({ name: `fold-${fold}`, fold: { fold, folds } }));

/** Predicts the cases that are left. Returns whether there were any. Throws InputError that names those that failed. */
export async function predictOrGoOn(
  owner: GpuOwner,
  planned: PlannedSegmenter,
  cases: readonly UnlabelledCase[],
  out: string,
  signal: AbortSignal,
): Promise<boolean> {
  const scans = cases.map(({ name, image }) => ({ name, path: image }));
  const origin = await planned.origin(NO_POSTPROCESSING);
  return await whileLocked(out, async () => {
    const predictions = await Predictions.open({ out, scans, origin, goesOn: true });
    if (!predictions.left.length) {
      say(`${out}: done before`);
      return false;
    }
    const segmenter = await planned.open(owner, signal);
    try {
      const failed = await predictScans(segmenter, predictions, signal);
      if (failed.length)
        throw new InputError(`${plural(failed.length, 'case')} could not be segmented: ${failed.join(', ')}`);
    } finally {
      segmenter.close();
    }
    return true;
  });
}

/** An evaluation, and the references that it was made against by case. */
const scoresFile = evaluationFile.and(z.object({ references: z.record(z.string(), fileRecord).optional() }));

/**
 * The scores of before, or new ones where there are none, or there are new predictions, other references or other names
 * of organs.
 */
export async function evaluateOrRead(
  pairs: readonly CasePair[],
  organs: readonly ScoredOrgan[],
  scores: string,
  isNew: boolean,
): Promise<Evaluation> {
  if (!isNew && existsSync(scores)) {
    const { references: before = {}, ...found } = await readJsonFile(scores, scoresFile);
    const isSame = async ({ case: name, reference }: CasePair) =>
      before[name] !== undefined && (await isAsRecorded(reference, before[name]));
    if (
      found.cases.every((scored) => organs.every(({ name }) => name in scored.organs)) &&
      (await Promise.all(pairs.map(isSame))).every(Boolean)
    ) {
      say(`${scores}: done before`);
      return found;
    }
  }
  const references: Record<string, FileRecord> = {};
  for (const { case: name, reference } of pairs) references[name] = await recordOf(reference);
  const evaluation = await evaluateCases(pairs, organs, 'flare22');
  await makeFolder(dirname(scores));
  await writeWhole(scores, `${JSON.stringify({ ...evaluation, references }, null, 2)}\n`);
  return evaluation;
}

export interface TestReference {
  readonly case: string;
  readonly image: string;
  readonly reference: string;
  /** The label of the reference's voxels that are not scored; undefined where there is none. */
  readonly ignoreLabel?: number | undefined;
  /** The regions that are scored in place of labels; undefined where labels are. */
  readonly regions?: readonly Region[] | undefined;
}

/** The test cases with their references. Throws InputError where a reference is missing, or all are that must be there. */
export function testReferences(
  { folder, test, ignoreLabel, regions }: Dataset,
  mustBeThere = true,
): TestReference[] {
  if (!test.length && mustBeThere) throw new InputError(`${folder}: imagesTs holds no CASE_0000.nii.gz`);
  return test.map(({ name, image }) => {
    const reference = join(folder, 'labelsTs', `${name}.nii.gz`);
    if (!existsSync(reference))
      throw new InputError(`${reference}: missing, the test cases are scored against it`);
    return { case: name, image, reference, ignoreLabel, regions };
  });
}

export const testPairs = (references: readonly TestReference[], predictions: string): CasePair[] =>
  references.map(({ case: name, reference, ignoreLabel, regions }) => ({
    case: name,
    reference,
    ignoreLabel,
    regions,
    prediction: join(predictions, `${name}.nii.gz`),
  }));
