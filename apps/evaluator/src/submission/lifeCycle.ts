/** A submission's life: it is opened, takes masks and logs, and is closed, which queues it for scoring, or discarded. */
import { Problem } from '../http/problem.ts';
import type { Services } from '../services.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import { listLogs } from '../store/efficiencyLogs.ts';
import {
  beginSubmission,
  completeSubmission,
  dropSubmission,
  findSubmission,
  listSubmissionCases,
  type Submission,
} from '../store/submissions.ts';

/** Begins a submission unless the deadline has passed or the team has had all of the day's. */
export async function openSubmission(
  { db }: Services,
  challenge: Challenge,
  team: string,
  kind: 'zip' | 'files',
): Promise<Submission> {
  const { submissionsPerDay } = challenge;
  assertInTime(challenge);
  if ((await listCases(db, challenge.id)).length === 0) {
    throw new Problem(409, `${challenge.name} has no cases yet`);
  }
  const submission = await beginSubmission(db, challenge, team, kind);
  if (submission) return submission;
  throw new Problem(429, `${team} has used up the ${submissionsPerDay} submissions of today (UTC)`, {
    'retry-after': String(secondsToMidnight()),
  });
}

/** Queues what a submission holds. Throws Problem 409 where it was closed already, 422 where it holds nothing. */
export async function closeSubmission(services: Services, { id }: Submission): Promise<Submission> {
  const cases = (await listSubmissionCases(services.db, id)).map(({ name }) => name);
  if (cases.length === 0) throw new Problem(422, 'the submission holds no mask');
  if (!(await completeSubmission(services.db, id)))
    throw new Problem(409, `submission ${id} is complete already`);
  await services.enqueue(id, cases);
  return (await findSubmission(services.db, id))!;
}

/** Deletes an open submission and all that came with it. Throws Problem 409 where it is complete. */
export async function discardSubmission(
  { db, blobs }: Pick<Services, 'db' | 'blobs'>,
  { id }: Pick<Submission, 'id'>,
): Promise<void> {
  if ((await findSubmission(db, id))?.completedAt)
    throw new Problem(409, `submission ${id} is complete: it stays`);
  const masks = (await listSubmissionCases(db, id)).map(({ maskKey }) => maskKey);
  const logs = (await listLogs(db, id)).map(({ logKey }) => logKey);
  await dropSubmission(db, id);
  await blobs.delete([...masks, ...logs]);
}

/** Throws Problem 403 past the deadline. */
export function assertInTime({ name, deadline }: Challenge): void {
  if (deadline !== null && deadline <= new Date().toISOString()) {
    throw new Problem(403, `the deadline of ${name} was ${deadline}`);
  }
}

function secondsToMidnight(): number {
  const now = new Date();
  return Math.ceil(
    (Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1) - now.getTime()) / 1000,
  );
}
