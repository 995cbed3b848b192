/** FLARE22's ranking: teams are ranked case by case and measure by measure, and the ranks are averaged. */
import { Random } from '../random.ts';

/** A team's results for one case. A ranking in which no case has efficiency figures leaves them out. */
export interface RankedCase {
  readonly dsc: number;
  readonly nsd: number;
  readonly efficiency?: { readonly timeS: number; readonly gpuAuc: number; readonly cpuAuc: number };
}

/** A team's place. */
export interface RankedTeam {
  /** The weighted mean of the team's ranks over cases and measures. */
  readonly score: number;
  /** The place by score, 1 the best; teams with the same score share the mean of their places. */
  readonly rank: number;
  /** The ranks between which the team lies in 95 % of the resamples of cases. */
  readonly interval: readonly [number, number];
}

/** One thing that teams are ranked by in each case. */
interface Measure {
  readonly weight: number;
  /** The value, greater being better; NaN is worse than anything. */
  readonly value: (scored: RankedCase) => number;
}

const worst = (value: number | undefined) => (value === undefined ? Number.NaN : -value);

const ACCURACY: readonly Measure[] = [
  { weight: 1, value: ({ dsc }) => dsc },
  { weight: 1, value: ({ nsd }) => nsd },
];

const EFFICIENCY: readonly Measure[] = [
  { weight: 1, value: ({ efficiency }) => worst(efficiency?.timeS) },
  { weight: 0.5, value: ({ efficiency }) => worst(efficiency?.gpuAuc) },
  { weight: 0.5, value: ({ efficiency }) => worst(efficiency?.cpuAuc) },
];

const RESAMPLES = 1000;

/**
 * Ranks teams by their results, team by team and case by case (the same cases in the same order for all). A case
 * without efficiency figures shares the last places of those three measures. Time grows with
 * teams × cases × 1000; the same results give the same intervals.
 */
export function rankTeams(results: readonly (readonly RankedCase[])[]): RankedTeam[] {
  const caseCount = results[0]?.length ?? 0;
  if (results.some((cases) => cases.length !== caseCount))
    throw new Error('rankTeams: teams differ in cases');
  if (caseCount === 0) return [];
  const hasEfficiency = results.some((cases) => cases.some(({ efficiency }) => efficiency));
  const measures = hasEfficiency ? [...ACCURACY, ...EFFICIENCY] : ACCURACY;

  // A rank within a case does not depend on the other cases: resampling cases averages the same numbers anew.
  const caseScores = results.map(() => new Float64Array(caseCount));
  const totalWeight = measures.reduce((sum, { weight }) => sum + weight, 0);
  for (let at = 0; at < caseCount; at++) {
    for (const { weight, value } of measures) {
      const ranks = sharedRanks(results.map((cases) => value(cases[at])));
      for (const [team, rank] of ranks.entries()) caseScores[team][at] += (weight * rank) / totalWeight;
    }
  }
  const scores = weightedMeans(caseScores, new Float64Array(caseCount).fill(1));
  const ranks = ranksByScore(scores);

  const random = new Random(1);
  const draws = results.map(() => new Float64Array(RESAMPLES));
  for (let draw = 0; draw < RESAMPLES; draw++) {
    const times = new Float64Array(caseCount);
    for (let drawn = 0; drawn < caseCount; drawn++) times[random.int(caseCount)]++;
    const drawnRanks = ranksByScore(weightedMeans(caseScores, times));
    for (let team = 0; team < results.length; team++) draws[team][draw] = drawnRanks[team];
  }
  return results.map((_, team) => {
    const sorted = draws[team].sort();
    const at = (share: number) => sorted[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))];
    return { score: scores[team], rank: ranks[team], interval: [at(0.025), at(0.975)] };
  });
}

/** Each team's mean over cases that count so many times. */
function weightedMeans(caseScores: readonly Float64Array[], times: Float64Array): Float64Array {
  return Float64Array.from(caseScores, (scores) => {
    let sum = 0;
    for (let at = 0; at < scores.length; at++) sum += times[at] * scores[at];
    return sum / scores.length;
  });
}

/** Ranks, 1 the least score. Scores that differ in their last digits alone are ties: they were added in another order. */
function ranksByScore(scores: Float64Array): Float64Array {
  return sharedRanks(scores.map((score) => -Math.round(score * 1e9)));
}

/** Ranks from 1, the greatest value first; equal values share the mean of their places, NaN the last ones. */
function sharedRanks(values: ArrayLike<number>): Float64Array {
  const keys = Float64Array.from(values, (value) => (Number.isNaN(value) ? -Infinity : value));
  const order = Uint32Array.from(keys.keys()).sort((a, b) => keys[b] - keys[a] || 0);
  const ranks = new Float64Array(keys.length);
  for (let first = 0, end = 0; first < order.length; first = end) {
    while (end < order.length && keys[order[end]] === keys[order[first]]) end++;
    for (let at = first; at < end; at++) ranks[order[at]] = (first + 1 + end) / 2;
  }
  return ranks;
}
