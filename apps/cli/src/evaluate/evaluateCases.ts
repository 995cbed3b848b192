/** The evaluation of label maps on disk against their references. */
import { basename, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { withoutIgnored } from '@organseg/core/metrics/ignored.ts';
import { labelMap } from '@organseg/core/metrics/labelMap.ts';
import { scoreRegions } from '@organseg/core/metrics/regions.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import {
  type CaseScore,
  meanScore,
  missingCaseScore,
  RULE_SETS,
  type RuleSetName,
  type Score,
  type ScoredOrgan,
  scoreCase,
} from '@organseg/core/metrics/score.ts';
import type { Region } from '@organseg/core/regions.ts';
import { statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import { assertScanSize } from '@organseg/core/volume/scanDoubts.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { namesIn, statOf } from '@organseg/files/read.ts';
import { z } from 'zod';
import { say } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';

/** A case to score: two files, or one where the prediction is missing. */
export interface CasePair {
  readonly case: string;
  readonly reference: string;
  readonly prediction: string | undefined;
  /** The label of the reference's voxels that are not scored; undefined where there is none. */
  readonly ignoreLabel?: number | undefined;
  /** The regions that are scored in place of labels, each under the organ of its label. */
  readonly regions?: readonly Region[] | undefined;
}

export interface Evaluation {
  readonly rules: RuleSetName;
  readonly cases: readonly ({ readonly case: string } & CaseScore)[];
  /** Mean over the cases, each counting the same. */
  readonly mean: Score;
  /** Cases without a prediction; they are among `cases`, with 0 for every organ. */
  readonly missing: readonly string[];
}

const score = z.object({ dsc: z.number(), nsd: z.number() });

/** An evaluation as it is written. */
export const evaluationFile: z.ZodType<Evaluation> = z.object({
  rules: z.enum(['flare22', 'plain']),
  cases: z.array(z.object({ case: z.string(), organs: z.record(z.string(), score), mean: score })),
  mean: score,
  missing: z.array(z.string()),
});

/** The scores of each case's organs. Throws InputError at the first file that cannot be compared. */
export async function evaluateCases(
  pairs: readonly CasePair[],
  organs: readonly ScoredOrgan[],
  rules: RuleSetName,
): Promise<Evaluation> {
  const cases = [];
  const bar = progress('scoring', pairs.length, 'cases');
  for (const [i, pair] of pairs.entries()) {
    cases.push({ case: pair.case, ...(await scorePair(pair, organs, rules)) });
    bar.update(i + 1, pair.case);
  }
  bar.finish();
  return {
    rules,
    cases,
    mean: meanScore(cases.map(({ mean }) => mean)),
    missing: pairs.filter(({ prediction }) => !prediction).map((pair) => pair.case),
  };
}

/**
 * Two files as a pair, or the files of two folders as pairs by name without .nii.gz (or .nii), sorted by name.
 * `unmatched` are the predictions without a reference. Throws InputError where one is a folder and the other a file, or
 * there is no reference.
 */
export async function pairCases(
  reference: string,
  prediction: string,
): Promise<{ pairs: CasePair[]; unmatched: string[] }> {
  if ((await isFolder(reference)) !== (await isFolder(prediction))) {
    throw new InputError(`${prediction} and ${reference}: expected two folders or two files`);
  }
  if (!(await isFolder(reference))) {
    return { pairs: [{ case: caseName(reference), reference, prediction }], unmatched: [] };
  }
  const references = await filesByCase(reference);
  const predictions = await filesByCase(prediction);
  if (references.size === 0) throw new InputError(`${reference}: holds no .nii.gz file`);
  const pairs = [...references].map(([name, file]) => {
    return { case: name, reference: file, prediction: predictions.get(name) };
  });
  return { pairs, unmatched: [...predictions.keys()].filter((name) => !references.has(name)) };
}

async function scorePair(
  { reference, prediction, ignoreLabel, regions }: CasePair,
  organs: readonly ScoredOrgan[],
  rules: RuleSetName,
): Promise<CaseScore> {
  if (!prediction) return missingCaseScore(organs);
  const truth = await readLabelsFile(reference);
  const guess = await readLabelsFile(prediction);
  assertScanSize(truth.header, reference); // tolerances in mm mean nothing otherwise
  assertSameGrid(truth, reference, guess, prediction);
  if (ignoreLabel !== undefined && truth.data.every((label) => label === ignoreLabel))
    say(`${reference}: says nothing of the prediction, every voxel is ignored`);
  const judged = withoutIgnored({ reference: truth.data, prediction: guess.data }, ignoreLabel);
  const score = (was: Uint8Array, is: Uint8Array, scored: readonly ScoredOrgan[]) =>
    scoreCase(
      labelMap(truth.shape, was, reference),
      labelMap(guess.shape, is, prediction),
      statedSpacingMm(truth.header.space),
      scored,
      RULE_SETS[rules],
    );
  return regions
    ? scoreRegions(judged, regions, organs, score)
    : score(judged.reference, judged.prediction, organs);
}

const isFolder = async (path: string): Promise<boolean> => (await statOf(path)).isDirectory();

const NIFTI_NAME = /\.nii(\.gz)?$/i;

const caseName = (path: string): string => basename(path).replace(NIFTI_NAME, '');

async function filesByCase(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of await namesIn(folder)) {
    // macOS leaves "._case.nii.gz" beside what it copies.
    if (!NIFTI_NAME.test(name) || name.startsWith('.')) continue;
    const twin = files.get(caseName(name));
    if (twin) throw new InputError(`${join(folder, name)} and ${twin}: two files of one case`);
    files.set(caseName(name), join(folder, name));
  }
  return files;
}
