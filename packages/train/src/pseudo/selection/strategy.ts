/** Strategies, the ways to choose among pseudo-labelled cases: each judges all of them at once. */

/** The scores of a case's labels. */
export interface CaseScores {
  /** Voxels on the network's grid by label name, background left out. */
  readonly voxels: Readonly<Record<string, number>>;
  /** Largest probability, a mean over the voxels labelled as organs; null without any. */
  readonly confidence: number | null;
  /** Entropy, 0 to 1, a mean over the same voxels. */
  readonly entropy: number | null;
  /** Voxels that another model labels otherwise / foreground voxels, a mean over other models; null without any. */
  readonly instability: number | null;
}

export interface ScoredCase extends CaseScores {
  readonly case: string;
}

export interface Verdict {
  readonly kept: boolean;
  readonly reason: string;
}

/** Verdicts in the order of the cases. */
export type Strategy<Settings> = (cases: readonly ScoredCase[], settings: Settings) => Verdict[];

/** The scores as one number each, and whether more of it is better. */
export const SCORES = {
  confidence: { better: 'more', of: (scored: CaseScores) => scored.confidence },
  entropy: { better: 'less', of: (scored: CaseScores) => scored.entropy },
  instability: { better: 'less', of: (scored: CaseScores) => scored.instability },
  /** Voxels of the smallest organ. */
  voxels: { better: 'more', of: (scored: CaseScores) => Math.min(...Object.values(scored.voxels)) },
} as const;
export type ScoreName = keyof typeof SCORES;

/** A number as reasons give it. */
export const shown = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(3));
