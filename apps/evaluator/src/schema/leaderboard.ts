/** Schemas of a leaderboard and of what is asked of it. */
import { z } from '@hono/zod-openapi';
import { Score } from './submission.ts';

export const EfficiencySource = z.enum(['measured', 'claimed', 'none']).openapi('EfficiencySource', {
  description:
    'Whose efficiency figures are ranked: those the organiser measured, those the submitters claim, or none. The two are never mixed.',
});

export const LeaderboardQuery = z.object({ efficiency: EfficiencySource.default('measured') });

const Entry = z
  .object({
    rank: z.number().openapi({ description: '1 is best; ties share the mean of their places.' }),
    rankInterval: z.array(z.number()).length(2).openapi({
      description: 'The ranks of 95 % of 1000 bootstrap resamples of the cases.',
    }),
    team: z.string(),
    score: z
      .number()
      .openapi({ description: 'Mean rank over cases and measures, GPU and CPU at half weight.' }),
    mean: Score,
    efficiency: z
      .object({ timeS: z.number(), gpuAucMbS: z.number(), cpuAucPercentS: z.number() })
      .nullable()
      .openapi({ description: 'Means over the cases with a log of the source.' }),
    logs: z.int().openapi({ description: 'Cases with a log of the source.' }),
    stuck: z.int().openapi({ description: 'Cases that did not finish: DSC and NSD 0.' }),
    missing: z.int().openapi({ description: 'Cases without a mask.' }),
    submission: z.uuid(),
    completedAt: z.string(),
  })
  .openapi('LeaderboardEntry');

export const Leaderboard = z
  .object({
    challenge: z.uuid(),
    name: z.string(),
    rules: z.string(),
    efficiency: EfficiencySource,
    cases: z.int(),
    entries: z.array(Entry),
  })
  .openapi('Leaderboard');

export type LeaderboardView = z.infer<typeof Leaderboard>;
