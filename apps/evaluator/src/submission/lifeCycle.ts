/**
 * A submission's life: it is opened, it takes masks and logs, and it is completed, which queues its cases for scoring, or
 * discarded.
 */
import { Problem } from '../http/problem.ts';
import type { Services } from '../services.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import { listLogs } from '../store/efficiencyLogs.ts';
import {
  deleteSubmission,
  findSubmission,
  insertSubmission,
  listSubmissionCases,
  markComplete,
  type Submission,
} from '../store/submissions.ts';

/** The number of files that a message names. */
const NAMED_FILES = 5;

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
  const submission = await insertSubmission(db, challenge, team, kind);
  if (submission) return submission;
  throw new Problem(429, `${team} has used up the ${submissionsPerDay} submissions of today (UTC)`, {
    'retry-after': String(secondsToMidnight()),
  });
}

/**
 * Completes an open submission: queues its cases, and notes the files that were passed over. Throws Problem 409 where
 * it is complete already, 404 where it is gone, 422 where it holds no mask.
 */
export async function completeSubmission(
  { db, enqueue }: Services,
  { id }: Submission,
  passedOver: readonly string[] = [],
): Promise<Submission> {
  if (!(await markComplete(db, id, passedOver))) {
    const isOpen = (await findSubmission(db, id))?.completedAt === null;
    throw isOpen ? noMask('the submission', passedOver) : await refusal(db, id, ' already');
  }
  const cases = (await listSubmissionCases(db, id)).map(({ name }) => name);
  await enqueue(id, cases);
  return (await findSubmission(db, id))!;
}

/**
 * Deletes an open submission and all that came with it. Returns false, and does nothing, where it is complete or gone.
 * A mask or log that is stored between the first and the last query goes with the next sweep of the blobs.
 */
export async function discardSubmission(
  { db, blobs }: Pick<Services, 'db' | 'blobs'>,
  id: string,
): Promise<boolean> {
  const masks = (await listSubmissionCases(db, id)).map(({ maskKey }) => maskKey);
  const logs = (await listLogs(db, id)).map(({ logKey }) => logKey);
  if (!(await deleteSubmission(db, id))) return false;
  await blobs.delete([...masks, ...logs]);
  return true;
}

/** The fault of a submission without a mask, a Problem 422 that names some of the files that it holds instead. */
export function noMask(what: string, passedOver: readonly string[]): Problem {
  const named = passedOver.slice(0, NAMED_FILES).join(', ');
  const more = passedOver.length - NAMED_FILES;
  const others = passedOver.length > 0 ? `; passed over: ${named}${more > 0 ? ` and ${more} more` : ''}` : '';
  return new Problem(422, `${what} holds no mask CASE.nii.gz or CASE.nii${others}`);
}

/** Why a submission that is not open refuses a change: Problem 409 where it is complete, 404 where it is gone. */
export async function refusal(db: Services['db'], id: string, whenComplete: string): Promise<Problem> {
  return (await findSubmission(db, id))
    ? new Problem(409, `submission ${id} is complete${whenComplete}`)
    : new Problem(404, `there is no submission ${id} any more`);
}

/** Throws Problem 409 while a submission is being received in one request: it is accepted whole or not at all. */
export function assertTakesFiles({ id, kind, completedAt }: Submission): void {
  if (kind === 'zip' && completedAt === null)
    throw new Problem(409, `submission ${id} is being received in one request: it takes nothing besides`);
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
