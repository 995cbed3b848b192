/** The results of an experiment: means, paired differences with intervals over cases, spread over seeds. */
import { type BootstrapMean, bootstrapMean } from '@organseg/core/metrics/bootstrap.ts';
import type { Score } from '@organseg/core/metrics/score.ts';
import { z } from 'zod';

const score: z.ZodType<Score> = z.object({ dsc: z.number(), nsd: z.number() });
/** A mean that JSON writes as null where there was nothing to average. */
const mean = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

/** What an arm came to on one cohort with one seed, as its `result.json` keeps it. */
export const armOutcome = z.object({
  cases: z.array(z.object({ case: z.string(), organs: z.record(z.string(), score), mean: score })).readonly(),
  /** Optimiser steps to the weights that were scored. */
  steps: z.number(),
  /** Time that a test case took, the mean. */
  predictionSeconds: z.number(),
  /** GPU memory that a test case took at most. */
  predictionGpuBytes: z.number(),
  /** Number of the given pseudo-labels that were kept, and the true mean DSC of those and of the others; NaN of none. */
  pseudoLabels: z.object({ kept: z.number(), of: z.number(), keptDsc: mean, leftOutDsc: mean }).nullable(),
  /** The labels that the run gave unlabelled scans itself: optimiser steps until then, and their true mean DSC. */
  labellings: z.array(z.object({ step: z.number(), dsc: z.number() })).readonly(),
});
export type ArmOutcome = z.infer<typeof armOutcome>;

/** One arm on one cohort with one seed. */
export interface ArmRun extends ArmOutcome {
  /** Number of the cohort's labelled cases. */
  readonly labelled: number;
  readonly seed: number;
  readonly arm: string;
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
  /** Mean difference of the DSC of each organ, on those seeds; null of the baseline. */
  readonly organDifferences: Readonly<Record<string, number>> | null;
  /** Mean DSC of each case over seeds. */
  readonly caseDsc: Readonly<Record<string, number>>;
  /** Difference of the DSC of each case, its mean over those seeds; null of the baseline. */
  readonly caseDifferences: Readonly<Record<string, number>> | null;
  readonly steps: number;
  readonly predictionSeconds: number;
  readonly predictionGpuBytes: number;
  readonly pseudoLabels: ArmRun['pseudoLabels'];
  /** The runs' own labellings, the mean over seeds of each. */
  readonly labellings: ArmRun['labellings'];
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
    const differences = (of: (score: Score) => number) =>
      pairs.map(([a, b]) => caseDifferences(a, b, ({ mean }) => of(mean)));
    const [dsc, nsd] = [differences((score) => score.dsc), differences((score) => score.nsd)];
    const isCompared = arm !== baseline && pairs.length > 0;
    const caseNames = own[0].cases.map((scored) => scored.case);
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
      organs: named(organNames, (name) => ({
        dsc: organ(name, (score) => score.dsc),
        nsd: organ(name, (score) => score.nsd),
      })),
      seedDsc: own.map((run) => meanOf(run, (score) => score.dsc)),
      difference: isCompared
        ? { dsc: bootstrapMean(overLists(dsc)), nsd: bootstrapMean(overLists(nsd)) }
        : null,
      seedDifferences: arm === baseline ? [] : dsc.map(average),
      organDifferences: isCompared
        ? named(organNames, (name) =>
            average(pairs.flatMap(([a, b]) => caseDifferences(a, b, ({ organs }) => organs[name].dsc))),
          )
        : null,
      caseDsc: named(caseNames, (name) =>
        average(own.map(({ cases }) => cases.find((scored) => scored.case === name)!.mean.dsc)),
      ),
      caseDifferences: isCompared
        ? Object.fromEntries(overLists(dsc).map((value, i) => [caseNames[i], value]))
        : null,
      steps: own[0].steps,
      predictionSeconds: average(own.map(({ predictionSeconds }) => predictionSeconds)),
      predictionGpuBytes: Math.max(...own.map(({ predictionGpuBytes }) => predictionGpuBytes)),
      pseudoLabels: averageLabels(own.flatMap(({ pseudoLabels }) => pseudoLabels ?? [])),
      labellings: own[0].labellings.map(({ step }, i) => ({
        step,
        dsc: average(own.flatMap(({ labellings }) => labellings[i]?.dsc ?? [])),
      })),
    };
  });
}

export const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const meanOf = ({ cases }: ArmRun, of: (score: Score) => number) =>
  average(cases.map(({ mean }) => of(mean)));

/** The mean of several lists, place by place. */
const overLists = (lists: readonly (readonly number[])[]) =>
  lists[0].map((_, i) => average(lists.map((list) => list[i])));

const named = <T>(names: readonly string[], of: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, of(name)]));

/** The difference of each case between two runs, found by the case's name, in the order of the first. */
function caseDifferences(a: ArmRun, b: ArmRun, of: (scored: ArmRun['cases'][number]) => number): number[] {
  const before = new Map(b.cases.map((scored) => [scored.case, of(scored)]));
  return a.cases.map((scored) => of(scored) - before.get(scored.case)!);
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
