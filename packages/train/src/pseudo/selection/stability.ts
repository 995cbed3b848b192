/**
 * The strategy `stability`: other models, those of earlier rounds or of the folds, label a case nearly alike (FLARE22's
 * winner, Huang 2022, drops the least stable cases). A case that nobody else has labelled is kept.
 */
import { type Strategy, shown } from './strategy.ts';

export const stability: Strategy<{ readonly mostChange: number }> = (cases, { mostChange }) =>
  cases.map(({ instability }) => {
    if (instability === null) return { kept: true, reason: 'no other labels to compare with' };
    const kept = instability <= mostChange;
    return {
      kept,
      reason: `${shown(instability)} of the foreground changes between models, ${kept ? 'at most' : 'more than'} ${mostChange}`,
    };
  });
