/** What a way to choose among pseudo-labelled cases is: it judges all of them at once. */

/** What is known of a case's labels. */
export interface CaseScores {
  /** On the network's grid, by label name, background left out. */
  readonly voxels: Readonly<Record<string, number>>;
  /** Means over the voxels labelled as organs: of the largest probability, and of the entropy (0 to 1). */
  readonly confidence: number | null;
  readonly entropy: number | null;
  /** Voxels that other models label otherwise / foreground voxels, the mean over those models; null without any. */
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

/** The scores that are a number each, and whether more of it is better. */
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
