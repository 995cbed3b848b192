/**
 * The work on masks: reading them to see whether they are sound, and scoring them. Where it runs is the platform's
 * matter: in a pool of threads, or in place.
 */

import type { OtherMetrics } from '@organseg/core/metrics/organMeasures.ts';
import type { CaseScore, RuleSetName, ScoredOrgan } from '@organseg/core/metrics/score.ts';
import type { StoredGrid } from '../store/challenges.ts';

/** A stored mask, and what messages call it. */
export interface StoredMask {
  readonly key: string;
  readonly name: string;
}

export interface MaskLimits {
  readonly maxVoxels: number;
  readonly maxDecompressedBytes: number;
}

export interface CheckJob extends MaskLimits {
  readonly mask: StoredMask;
  readonly labels: readonly number[];
  /** The grid that the mask must lie on, and what messages call it. */
  readonly reference?: { readonly name: string; readonly grid: StoredGrid };
}

export interface ScoreJob extends MaskLimits {
  readonly reference: StoredMask;
  readonly prediction: StoredMask;
  readonly organs: readonly ScoredOrgan[];
  readonly rules: RuleSetName;
  readonly others?: OtherMetrics;
}

export interface Compute {
  /** Reads a mask to its end and returns its grid. Throws Problem or InputError where it is not sound. */
  check(job: CheckJob): Promise<StoredGrid>;
  score(job: ScoreJob): Promise<CaseScore>;
}
