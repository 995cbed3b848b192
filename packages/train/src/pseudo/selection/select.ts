/** The selection, strategies one after another: each judges what those before it kept, and a case must pass all. */
import { z } from 'zod';
import { confidence } from './confidence.ts';
import { keepAll } from './keepAll.ts';
import { minVoxels } from './minVoxels.ts';
import { stability } from './stability.ts';
import { SCORES, type ScoredCase, type ScoreName, type Strategy, type Verdict } from './strategy.ts';
import { topFraction } from './topFraction.ts';

const share = z.number().min(0).max(1);

export const selectionSchema = z.array(
  z.discriminatedUnion('strategy', [
    z.strictObject({ strategy: z.literal('min-voxels'), voxels: z.int().nonnegative() }),
    z.strictObject({ strategy: z.literal('stability'), mostChange: z.number().nonnegative() }),
    z.strictObject({ strategy: z.literal('confidence'), leastProbability: share, mostEntropy: share }),
    z.strictObject({ strategy: z.literal('keep-all') }),
    z.strictObject({
      strategy: z.literal('top-fraction'),
      share,
      by: z.enum(Object.keys(SCORES) as [ScoreName, ...ScoreName[]]),
    }),
  ]),
);
export type Selection = z.infer<typeof selectionSchema>;

const STRATEGIES: {
  [Name in Selection[number]['strategy']]: Strategy<Extract<Selection[number], { strategy: Name }>>;
} = {
  'min-voxels': minVoxels,
  stability,
  confidence,
  'keep-all': keepAll,
  'top-fraction': topFraction,
};

/** The verdict on each case, with its reason strategy by strategy as far as it came. */
export function select(cases: readonly ScoredCase[], selection: Selection): Verdict[] {
  const reasons = cases.map((): string[] => []);
  let left = [...cases.keys()];
  for (const settings of selection) {
    const judge = STRATEGIES[settings.strategy] as Strategy<unknown>;
    const verdicts = judge(
      left.map((i) => cases[i]),
      settings,
    );
    for (const [place, i] of left.entries()) {
      reasons[i].push(`${settings.strategy}: ${verdicts[place].reason}`);
    }
    left = left.filter((_, place) => verdicts[place].kept);
  }
  const kept = new Set(left);
  return cases.map((_, i) => ({
    kept: kept.has(i),
    // What speaks for a case is all that it passed; against it, what it failed.
    reason: (kept.has(i) ? reasons[i] : reasons[i].slice(-1)).join('; ') || 'every case is kept',
  }));
}

/** A selection in words. */
export const inWords = (selection: Selection): string =>
  selection
    .map(({ strategy, ...settings }) => {
      const values = Object.entries(settings).map(([key, value]) => `${key} ${value}`);
      return values.length ? `${strategy} (${values.join(', ')})` : strategy;
    })
    .join(', then ') || 'keep-all';
