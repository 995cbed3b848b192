/** What a submission looks like from outside. Its state follows from those of its cases. */

import type { z } from '@hono/zod-openapi';
import { type CaseScore, meanScore, missingCaseScore } from '@organseg/core/metrics/score.ts';
import type { Kysely } from 'kysely';
import type { SubmissionSummary, SubmissionView } from '../schema/submission.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import { type EfficiencyLog, listLogs } from '../store/efficiencyLogs.ts';
import { listSubmissionCases, type Submission, type SubmissionCase } from '../store/submissions.ts';
import type { Tables } from '../store/tables.ts';

export type SubmissionDetail = z.infer<typeof SubmissionView>;

export async function submissionView(
  db: Kysely<Tables>,
  challenge: Challenge,
  submission: Submission,
): Promise<SubmissionDetail> {
  const received = await listSubmissionCases(db, submission.id);
  const logs = await listLogs(db, submission.id);
  const names = (await listCases(db, challenge.id)).map(({ name }) => name);
  const summary = summaryOf(submission, received);
  const isScored = summary.state === 'scored';
  const zero = missingCaseScore(challenge.organs);
  const cases = names.map((name) => {
    const found = received.find((each) => each.name === name);
    const isQueued = found?.state === 'received' && submission.completedAt !== null;
    return {
      name,
      state: found ? (isQueued ? ('queued' as const) : found.state) : ('missing' as const),
      scores: scoresOf(found?.scores ?? (isScored ? zero : null)),
      error: found?.error ?? null,
      efficiency: figuresOf(logs, name),
    };
  });
  const scores = cases.flatMap((each) => (each.scores ? [each.scores] : []));
  const organs = isScored
    ? Object.fromEntries(
        challenge.organs.map(({ name }) => [name, meanScore(scores.map((each) => each.organs[name]))]),
      )
    : {};
  return {
    ...summary,
    cases,
    organs,
    mean: isScored ? meanScore(scores.map(({ mean }) => mean)) : null,
    missing: cases.filter(({ state }) => state === 'missing').map(({ name }) => name),
    passedOver: [...submission.passedOver],
  };
}

export function summaryOf(
  submission: Submission,
  received: readonly Pick<SubmissionCase, 'state'>[],
): z.infer<typeof SubmissionSummary> {
  const done = received.filter(({ state }) => state === 'scored' || state === 'failed').length;
  const isUntouched = received.every(({ state }) => state === 'received');
  const state =
    submission.completedAt === null
      ? 'receiving'
      : done === received.length
        ? 'scored'
        : isUntouched
          ? 'queued'
          : 'scoring';
  return {
    id: submission.id,
    challenge: submission.challengeId,
    team: submission.team,
    state,
    progress: { done, total: received.length },
    createdAt: submission.createdAt,
    completedAt: submission.completedAt,
  };
}

const scoresOf = (scores: CaseScore | null) => scores && { organs: { ...scores.organs }, mean: scores.mean };

const figuresOf = (logs: readonly EfficiencyLog[], name: string) =>
  Object.fromEntries(logs.filter((log) => log.name === name).map(({ source, figures }) => [source, figures]));
