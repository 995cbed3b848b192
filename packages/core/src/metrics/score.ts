/** Scoring a predicted label map against its reference: DSC and NSD of every organ, by a set of rules. */
import type { Box, Xyz } from '../volume/volume.ts';
import type { LabelMap } from './labelMap.ts';
import { type OrganMeasures, type OtherMetrics, organMeasures } from './organMeasures.ts';
import { countVoxels, dice, type LabelOverlap, overlapByLabel } from './overlap.ts';
import { labelSurface } from './surface.ts';
import { surfaceDice } from './surfaceDice.ts';

/** The part of an organ's entry that scoring needs; see `FLARE22_ORGANS`. */
export interface ScoredOrgan {
  readonly id: number;
  readonly name: string;
  readonly toleranceMm: number;
  readonly isTube: boolean;
}

/** The two scores, 0 to 1. */
export interface Score {
  readonly dsc: number;
  readonly nsd: number;
}

/** DSC and NSD, and what else was asked for. */
export type OrganScore = Score & OrganMeasures;

/** The scores of one case. */
export interface CaseScore {
  /** Each organ's by its name, in the table's order. */
  readonly organs: Readonly<Record<string, OrganScore>>;
  /** The mean over the organs, each counting the same. */
  readonly mean: Score;
}

/** How a challenge compares. */
export interface RuleSet {
  /** Compares tubes only on the slices that the reference labels, without the last of them. */
  readonly cutsTubes: boolean;
  /** The DSC below which NSD is 0. */
  readonly leastDsc: number;
}

/**
 * `flare22` is what the challenge's evaluation does, its off-by-one at the last slice included. Under both sets
 * an organ that both maps lack scores 1, and one that only one map lacks scores 0.
 */
export const RULE_SETS = {
  flare22: { cutsTubes: true, leastDsc: 0.2 },
  plain: { cutsTubes: false, leastDsc: 0 },
} satisfies Record<string, RuleSet>;

export type RuleSetName = keyof typeof RULE_SETS;

const PERFECT: Score = { dsc: 1, nsd: 1 };
const FAILED: Score = { dsc: 0, nsd: 0 };

/**
 * Scores one case. `spacingMm` is that of the reference along x, y, z, as its header states it: float32 values
 * decide which voxels are within a tolerance. Labels are background 0 and the organs' ids. Besides the maps,
 * memory holds about half a byte per voxel of the largest organ's box; distances on request take 17 bytes per
 * voxel of it. Throws where the shapes differ, and InputError where a map holds another label.
 */
export function scoreCase(
  reference: LabelMap,
  prediction: LabelMap,
  spacingMm: Xyz,
  organs: readonly ScoredOrgan[],
  rules: RuleSet,
  others: OtherMetrics = {},
): CaseScore {
  const overlaps = overlapByLabel(reference, prediction, 1 + Math.max(...organs.map(({ id }) => id)));
  return caseScore(organs, (organ) => {
    const overlap = overlaps[organ.id];
    const box = overlap.box && rules.cutsTubes && organ.isTube ? withinReferenceSlices(overlap) : overlap.box;
    const measures = organMeasures(reference, prediction, spacingMm, organ, overlap, box, others);
    return { ...organScore(organ, overlap, box), ...measures };
  });

  function organScore(organ: ScoredOrgan, overlap: LabelOverlap, box: Box | null): Score {
    const { reference: size, prediction: predictedSize } = countVoxels(overlap);
    if (!box) return PERFECT;
    if (size === 0 || predictedSize === 0) return FAILED;
    const dsc = dice(countVoxels(overlap, box.min[2], box.max[2]));
    if (dsc < rules.leastDsc) return { dsc, nsd: 0 };
    const referenceSurface = labelSurface(reference, organ.id, box);
    const predictionSurface = labelSurface(prediction, organ.id, box);
    return { dsc, nsd: surfaceDice(referenceSurface, predictionSurface, spacingMm, organ.toleranceMm) };
  }
}

/** The score of a case without a prediction: 0 for every organ. */
export function missingCaseScore(organs: readonly ScoredOrgan[]): CaseScore {
  return caseScore(organs, () => FAILED);
}

/** The mean of scores, each counting the same; NaN where there are none. */
export function meanScore(scores: readonly Score[]): Score {
  const mean = (of: (score: Score) => number) =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  return { dsc: mean(({ dsc }) => dsc), nsd: mean(({ nsd }) => nsd) };
}

function caseScore(organs: readonly ScoredOrgan[], scoreOf: (organ: ScoredOrgan) => OrganScore): CaseScore {
  const scores = organs.map((organ) => [organ.name, scoreOf(organ)] as const);
  return { organs: Object.fromEntries(scores), mean: meanScore(scores.map(([, score]) => score)) };
}

/**
 * The box from the reference's first slice up to but not including its last; that slice itself where it is the only one;
 * the whole box where the reference has none.
 */
function withinReferenceSlices({ box, referenceVoxels }: LabelOverlap): Box {
  const { min, max } = box!;
  const first = referenceVoxels.findIndex((count) => count > 0);
  if (first < 0) return { min, max };
  const last = referenceVoxels.findLastIndex((count) => count > 0);
  return { min: [min[0], min[1], first], max: [max[0], max[1], Math.max(last, first + 1)] };
}
