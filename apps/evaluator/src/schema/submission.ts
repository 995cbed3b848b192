/** Schemas of submissions: in short, in full, and what is answered to a zip, a mask or a log. */
import { z } from '@hono/zod-openapi';
import { EfficiencyFigures, LogSource } from './efficiency.ts';

export const Score = z.object({ dsc: z.number(), nsd: z.number() }).openapi('Score');

const CaseScores = z.object({ organs: z.record(z.string(), Score), mean: Score }).openapi('CaseScores');

export const SubmissionState = z
  .enum(['receiving', 'queued', 'scoring', 'scored'])
  .openapi('SubmissionState');

const SubmissionCase = z
  .object({
    name: z.string(),
    state: z.enum(['missing', 'received', 'queued', 'scoring', 'scored', 'failed']),
    scores: CaseScores.nullable().openapi({
      description: 'A missing or failed case scores 0, once all is scored.',
    }),
    error: z.string().nullable(),
    efficiency: z.object({ claimed: EfficiencyFigures.optional(), measured: EfficiencyFigures.optional() }),
  })
  .openapi('SubmissionCase');

const Progress = z
  .object({ done: z.int(), total: z.int() })
  .openapi({ description: 'Cases scored, and received.' });

export const SubmissionSummary = z
  .object({
    id: z.uuid(),
    challenge: z.uuid(),
    team: z.string(),
    state: SubmissionState,
    progress: Progress,
    createdAt: z.string(),
    completedAt: z.string().nullable(),
  })
  .openapi('SubmissionSummary');

const passedOver = z
  .array(z.string())
  .openapi({ description: 'Files that came with it and are neither mask nor log.' });

export const ReceivedZip = SubmissionSummary.extend({ passedOver }).openapi('ReceivedZip');

export const SubmissionView = SubmissionSummary.extend({
  cases: z.array(SubmissionCase).openapi({ description: 'All of the challenge’s cases.' }),
  organs: z
    .record(z.string(), Score)
    .openapi({ description: 'Means over the cases; empty until all is scored.' }),
  mean: Score.nullable().openapi({ description: 'Over the cases; null until all is scored.' }),
  missing: z.array(z.string()).openapi({ description: 'Cases without a mask: they score 0.' }),
  passedOver,
}).openapi('Submission');

export const ReceivedLog = z
  .object({ case: z.string(), source: LogSource, efficiency: EfficiencyFigures })
  .openapi('ReceivedLog');

export const ReceivedMask = z.object({ case: z.string(), submission: z.uuid() }).openapi('ReceivedMask');
