/**
 * Submissions, their masks and their scores. Every change is one statement, which SQLite and D1 carry out whole or
 * not at all: no half-done state is ever seen, and none has to be undone after a crash.
 */
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import type { Kysely } from 'kysely';
import type { SubmissionCaseRow, SubmissionRow, Tables } from './tables.ts';

export interface Submission {
  readonly id: string;
  readonly challengeId: string;
  readonly team: string;
  readonly kind: 'zip' | 'files';
  readonly createdAt: string;
  readonly completedAt: string | null;
  /** Files that came with it and are neither mask nor log. */
  readonly passedOver: readonly string[];
}

export interface SubmissionCase {
  readonly name: string;
  readonly maskKey: string;
  readonly state: 'received' | 'scoring' | 'scored' | 'failed';
  readonly scores: CaseScore | null;
  readonly error: string | null;
}

/** A case whose turn it is. */
export interface QueuedCase {
  readonly submissionId: string;
  readonly name: string;
  readonly maskKey: string;
  readonly attempts: number;
}

/** Begins a submission; undefined where the team has had all of the day's. */
export async function insertSubmission(
  db: Kysely<Tables>,
  challenge: { readonly id: string; readonly submissionsPerDay: number },
  team: string,
  kind: 'zip' | 'files',
): Promise<Submission | undefined> {
  const id = crypto.randomUUID();
  const now = new Date().toISOString();
  const day = now.slice(0, 10);
  const row = await db
    .insertInto('submissions')
    .columns(['id', 'challenge_id', 'team', 'kind', 'day', 'created_at'])
    .expression(
      db
        .selectNoFrom((build) => [
          build.val(id).as('id'),
          build.val(challenge.id).as('challenge_id'),
          build.val(team).as('team'),
          build.val(kind).as('kind'),
          build.val(day).as('day'),
          build.val(now).as('created_at'),
        ])
        .where(
          (build) =>
            build
              .selectFrom('submissions')
              .select(({ fn }) => fn.countAll<number>().as('count'))
              .where('challenge_id', '=', challenge.id)
              .where('team', '=', team)
              .where('day', '=', day),
          '<',
          challenge.submissionsPerDay,
        ),
    )
    .returningAll()
    .executeTakeFirst();
  return row && submissionOf(row);
}

export async function findSubmission(db: Kysely<Tables>, id: string): Promise<Submission | undefined> {
  const row = await db.selectFrom('submissions').selectAll().where('id', '=', id).executeTakeFirst();
  return row && submissionOf(row);
}

/** The submissions of one team, or of all, newest first. */
export async function listSubmissions(
  db: Kysely<Tables>,
  challengeId: string,
  team?: string,
): Promise<Submission[]> {
  let query = db.selectFrom('submissions').selectAll().where('challenge_id', '=', challengeId);
  if (team !== undefined) query = query.where('team', '=', team);
  return (await query.orderBy('created_at', 'desc').execute()).map(submissionOf);
}

/** The cases whose mask was received, by name. */
export async function listSubmissionCases(
  db: Kysely<Tables>,
  submissionId: string,
): Promise<SubmissionCase[]> {
  const rows = await db
    .selectFrom('submission_cases')
    .selectAll()
    .where('submission_id', '=', submissionId)
    .orderBy('name')
    .execute();
  return rows.map(submissionCaseOf);
}

/** Stores a case's mask or puts another in its place, while the submission is open; returns false after that. */
export async function putMask(
  db: Kysely<Tables>,
  submissionId: string,
  name: string,
  maskKey: string,
): Promise<boolean> {
  const row = await db
    .insertInto('submission_cases')
    .columns(['submission_id', 'name', 'mask_key', 'state', 'attempts'])
    .expression(
      db
        .selectFrom('submissions')
        .select((build) => [
          'submissions.id as submission_id',
          build.val(name).as('name'),
          build.val(maskKey).as('mask_key'),
          build.val('received').as('state'),
          build.val(0).as('attempts'),
        ])
        .where('submissions.id', '=', submissionId)
        .where('completed_at', 'is', null),
    )
    .onConflict((conflict) => conflict.columns(['submission_id', 'name']).doUpdateSet({ mask_key: maskKey }))
    .returning('name')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Marks an open submission that holds a mask as complete: its cases are queued. Returns false, and does nothing, with any
 * other.
 */
export async function markComplete(
  db: Kysely<Tables>,
  id: string,
  passedOver: readonly string[] = [],
): Promise<boolean> {
  const row = await db
    .updateTable('submissions')
    .set({ completed_at: new Date().toISOString(), passed_over_json: JSON.stringify(passedOver) })
    .where('id', '=', id)
    .where('completed_at', 'is', null)
    .where(({ exists, selectFrom }) =>
      exists(selectFrom('submission_cases').select('name').where('submission_id', '=', id)),
    )
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Deletes an open submission with its masks and logs, which a trigger of the database takes along; its day's count
 * goes back. Returns false, and does nothing, where it is complete or gone.
 */
export async function deleteSubmission(db: Kysely<Tables>, id: string): Promise<boolean> {
  const row = await db
    .deleteFrom('submissions')
    .where('id', '=', id)
    .where('completed_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Zips begun before a time and never accepted: where none is still being received, a process died on them, and nobody
 * was told that they were accepted.
 */
export async function interruptedZips(db: Kysely<Tables>, begunBefore: string): Promise<string[]> {
  const rows = await db
    .selectFrom('submissions')
    .select('id')
    .where('kind', '=', 'zip')
    .where('created_at', '<', begunBefore)
    .where('completed_at', 'is', null)
    .execute();
  return rows.map(({ id }) => id);
}

/** Takes the next case to score: those tried least, then the oldest. Undefined where none waits. */
export async function claimNextCase(db: Kysely<Tables>): Promise<QueuedCase | undefined> {
  const row = await db
    .updateTable('submission_cases')
    .set(({ eb }) => ({ state: 'scoring', attempts: eb('attempts', '+', 1) }))
    .where((build) =>
      build(
        'rowid' as 'name',
        '=',
        build
          .selectFrom('submission_cases as waiting')
          .innerJoin('submissions', 'submissions.id', 'waiting.submission_id')
          .select('waiting.rowid' as 'waiting.name')
          .where('waiting.state', '=', 'received')
          .where('submissions.completed_at', 'is not', null)
          .orderBy('waiting.attempts')
          .orderBy('submissions.completed_at')
          .orderBy('waiting.name')
          .limit(1),
      ),
    )
    .returningAll()
    .executeTakeFirst();
  return row && queuedOf(row);
}

/** Takes one case unless it is scored already, also where another has taken it and never come back. */
export async function claimCase(
  db: Kysely<Tables>,
  submissionId: string,
  name: string,
): Promise<QueuedCase | undefined> {
  const row = await db
    .updateTable('submission_cases')
    .set(({ eb }) => ({ state: 'scoring', attempts: eb('attempts', '+', 1) }))
    .where('submission_id', '=', submissionId)
    .where('name', '=', name)
    .where('state', 'in', ['received', 'scoring'])
    .returningAll()
    .executeTakeFirst();
  return row && queuedOf(row);
}

/** Cases that a process was scoring when it died wait again. */
export async function requeueInterrupted(db: Kysely<Tables>): Promise<void> {
  await db
    .updateTable('submission_cases')
    .set({ state: 'received' })
    .where('state', '=', 'scoring')
    .execute();
}

/** The cases that wait or are being scored, of submissions completed before a time. */
export async function unscoredCases(
  db: Kysely<Tables>,
  completedBefore: string,
): Promise<{ submissionId: string; name: string }[]> {
  return db
    .selectFrom('submission_cases')
    .innerJoin('submissions', 'submissions.id', 'submission_cases.submission_id')
    .select(['submission_cases.submission_id as submissionId', 'submission_cases.name as name'])
    .where('submission_cases.state', 'in', ['received', 'scoring'])
    .where('submissions.completed_at', '<', completedBefore)
    .execute();
}

/** Puts a claimed case back: it waits again. */
export async function releaseCase(db: Kysely<Tables>, { submissionId, name }: QueuedCase): Promise<void> {
  await settle(db, submissionId, name, { state: 'received' });
}

export async function recordScores(
  db: Kysely<Tables>,
  { submissionId, name }: QueuedCase,
  scores: CaseScore,
): Promise<void> {
  await settle(db, submissionId, name, { state: 'scored', scores_json: JSON.stringify(scores) });
}

/** Notes why a mask that passed the checks could not be scored; the case counts 0. */
export async function recordFailure(
  db: Kysely<Tables>,
  { submissionId, name }: QueuedCase,
  error: string,
): Promise<void> {
  await settle(db, submissionId, name, { state: 'failed', error });
}

async function settle(
  db: Kysely<Tables>,
  submissionId: string,
  name: string,
  outcome: { state: string; scores_json?: string; error?: string },
): Promise<void> {
  await db
    .updateTable('submission_cases')
    .set(outcome)
    .where('submission_id', '=', submissionId)
    .where('name', '=', name)
    .where('state', '=', 'scoring')
    .execute();
}

const submissionOf = (row: SubmissionRow): Submission => ({
  id: row.id,
  challengeId: row.challenge_id,
  team: row.team,
  kind: row.kind as 'zip' | 'files',
  createdAt: row.created_at,
  completedAt: row.completed_at,
  passedOver: JSON.parse(row.passed_over_json),
});

const submissionCaseOf = (row: SubmissionCaseRow): SubmissionCase => ({
  name: row.name,
  maskKey: row.mask_key,
  state: row.state as SubmissionCase['state'],
  scores: row.scores_json === null ? null : JSON.parse(row.scores_json),
  error: row.error,
});

const queuedOf = (row: SubmissionCaseRow): QueuedCase => ({
  submissionId: row.submission_id,
  name: row.name,
  maskKey: row.mask_key,
  attempts: row.attempts,
});
