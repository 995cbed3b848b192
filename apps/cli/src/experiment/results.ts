/** The results of an experiment: means, paired differences with intervals over cases, spread over seeds. */
import { type BootstrapMean, bootstrapMean } from '@organseg/core/metrics/bootstrap.ts';
import type { Score } from '@organseg/core/metrics/score.ts';
import type { Evaluation } from '../evaluate/evaluateCases.ts';

/** One arm on one cohort with one seed. */
export interface ArmRun {
  /** Number of the cohort's labelled cases. */
  readonly labelled: number;
  readonly seed: number;
  readonly arm: string;
  readonly cases: Evaluation['cases'];
  /** Optimiser steps to the weights that were scored. */
  readonly steps: number;
  /** Time that a test case took, the mean. */
  readonly predictionSeconds: number;
  /** GPU memory that a test case took at most. */
  readonly predictionGpuBytes: number;
  /** Number of pseudo-labelled cases that were kept, and the true mean DSC of those and of the others; NaN of none. */
  readonly pseudoLabels: {
    readonly kept: number;
    readonly of: number;
    readonly keptDsc: number;
    readonly leftOutDsc: number;
  } | null;
}

export interface ArmResult {
  readonly labelled: number;
  readonly arm: string;
  readonly seeds: readonly number[];
  /** Mean over cases, organs and seeds. */
  readonly mean: Score;
  /** Mean over cases and seeds of each organ. */
  readonly organs: Readonly<Record<string, Score>>;
  /** Mean DSC of each seed. */
  readonly seedDsc: readonly number[];
  /** Difference to the baseline on the seeds that both have: the mean over cases of each case's mean over seeds. */
  readonly difference: { readonly dsc: BootstrapMean; readonly nsd: BootstrapMean } | null;
  /** Mean difference of the DSC of each seed. */
  readonly seedDifferences: readonly number[];
  readonly steps: number;
  readonly predictionSeconds: number;
  readonly predictionGpuBytes: number;
  readonly pseudoLabels: ArmRun['pseudoLabels'];
}

/** The results of runs, in their order. */
export function resultsOf(runs: readonly ArmRun[], baseline: string): ArmResult[] {
  const groups = Map.groupBy(runs, ({ labelled, arm }) => JSON.stringify([labelled, arm]));
  return [...groups.values()].map((own): ArmResult => {
    const [{ labelled, arm }] = own;
    const others = runs.filter((run) => run.labelled === labelled && run.arm === baseline);
    const pairs = own.flatMap((run) => {
      const other = others.find(({ seed }) => seed === run.seed);
      return other ? [[run, other] as const] : [];
    });
    const differences = (of: (score: Score) => number) => pairs.map(([a, b]) => caseDifferences(a, b, of));
    const overSeeds = (lists: readonly (readonly number[])[]) =>
      lists[0].map((_, i) => average(lists.map((list) => list[i])));
    const [dsc, nsd] = [differences((score) => score.dsc), differences((score) => score.nsd)];
    const organNames = Object.keys(own[0].cases[0].organs);
    const organ = (name: string, of: (score: Score) => number) =>
      average(own.flatMap(({ cases }) => cases.map(({ organs }) => of(organs[name]))));
    return {
      labelled,
      arm,
      seeds: own.map(({ seed }) => seed),
      mean: {
        dsc: average(own.map((run) => meanOf(run, (score) => score.dsc))),
        nsd: average(own.map((run) => meanOf(run, (score) => score.nsd))),
      },
      organs: Object.fromEntries(
        organNames.map((name) => [
          name,
          { dsc: organ(name, (score) => score.dsc), nsd: organ(name, (score) => score.nsd) },
        ]),
      ),
      seedDsc: own.map((run) => meanOf(run, (score) => score.dsc)),
      difference:
        arm === baseline || !pairs.length
          ? null
          : { dsc: bootstrapMean(overSeeds(dsc)), nsd: bootstrapMean(overSeeds(nsd)) },
      seedDifferences: arm === baseline ? [] : dsc.map(average),
      steps: own[0].steps,
      predictionSeconds: average(own.map(({ predictionSeconds }) => predictionSeconds)),
      predictionGpuBytes: Math.max(...own.map(({ predictionGpuBytes }) => predictionGpuBytes)),
      pseudoLabels: averageLabels(own.flatMap(({ pseudoLabels }) => pseudoLabels ?? [])),
    };
  });
}

export const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const meanOf = ({ cases }: ArmRun, of: (score: Score) => number) =>
  average(cases.map(({ mean }) => of(mean)));

/** The difference of each case between two runs, found by the case's name. */
function caseDifferences(a: ArmRun, b: ArmRun, of: (score: Score) => number): number[] {
  const before = new Map(b.cases.map((scored) => [scored.case, of(scored.mean)]));
  return a.cases.map((scored) => of(scored.mean) - before.get(scored.case)!);
}

function averageLabels(list: readonly NonNullable<ArmRun['pseudoLabels']>[]): ArmRun['pseudoLabels'] {
  if (!list.length) return null;
  return {
    kept: average(list.map(({ kept }) => kept)),
    of: average(list.map(({ of }) => of)),
    keptDsc: average(list.map(({ keptDsc }) => keptDsc)),
    leftOutDsc: average(list.map(({ leftOutDsc }) => leftOutDsc)),
  };
}
