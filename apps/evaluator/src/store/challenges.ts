/** Challenges, and their cases with the hidden references. */
import type { RuleSetName, ScoredOrgan } from '@organseg/core/metrics/score.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import type { Kysely } from 'kysely';
import type { CaseRow, ChallengeRow, Tables } from './tables.ts';

export interface Challenge {
  readonly id: string;
  readonly name: string;
  readonly organs: readonly ScoredOrgan[];
  readonly rules: RuleSetName;
  readonly deadline: string | null;
  readonly submissionsPerDay: number;
  readonly createdAt: string;
}

/** A reference's grid as JSON can hold it. */
export interface StoredGrid {
  readonly shape: Xyz;
  readonly affine: readonly number[];
  readonly spacingMm: Xyz;
}

export interface ChallengeCase {
  readonly name: string;
  readonly referenceKey: string;
  readonly grid: StoredGrid;
}

/** Stores a new challenge. Returns undefined, and does nothing, where there is one of this id. */
export async function insertChallenge(
  db: Kysely<Tables>,
  challenge: Omit<Challenge, 'id' | 'createdAt'>,
  id: string = crypto.randomUUID(),
): Promise<Challenge | undefined> {
  const made = { ...challenge, id, createdAt: new Date().toISOString() };
  const row = await db
    .insertInto('challenges')
    .values({
      id: made.id,
      name: made.name,
      organs_json: JSON.stringify(made.organs),
      rules: made.rules,
      deadline: made.deadline,
      submissions_per_day: made.submissionsPerDay,
      created_at: made.createdAt,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  return row && made;
}

export async function findChallenge(db: Kysely<Tables>, id: string): Promise<Challenge | undefined> {
  const row = await db.selectFrom('challenges').selectAll().where('id', '=', id).executeTakeFirst();
  return row && challengeOf(row);
}

/** All challenges, newest first. */
export async function listChallenges(db: Kysely<Tables>): Promise<Challenge[]> {
  const rows = await db.selectFrom('challenges').selectAll().orderBy('created_at', 'desc').execute();
  return rows.map(challengeOf);
}

/** What can change of a challenge; what is undefined stays. */
export interface ChallengeUpdate {
  readonly name?: string | undefined;
  readonly deadline?: string | null | undefined;
  readonly submissionsPerDay?: number | undefined;
  readonly organs?: readonly ScoredOrgan[] | undefined;
}

/** Changes a challenge. Returns false, and does nothing, where organs are given and there is a case or no challenge. */
export async function updateChallenge(
  db: Kysely<Tables>,
  id: string,
  { name, deadline, submissionsPerDay, organs }: ChallengeUpdate,
): Promise<boolean> {
  const change = {
    ...(organs !== undefined && { organs_json: JSON.stringify(organs) }),
    ...(name !== undefined && { name }),
    ...(deadline !== undefined && { deadline }),
    ...(submissionsPerDay !== undefined && { submissions_per_day: submissionsPerDay }),
  };
  if (Object.keys(change).length === 0) return true;
  const row = await db
    .updateTable('challenges')
    .set(change)
    .where('id', '=', id)
    .$if(organs !== undefined, (query) =>
      query.where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('cases').select('name').where('challenge_id', '=', id))),
      ),
    )
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Deletes a challenge with its cases, keys and submissions, which triggers of the database take along. Returns false,
 * and does nothing, where it is gone or has another number of submissions.
 */
export async function deleteChallenge(db: Kysely<Tables>, id: string, submissions: number): Promise<boolean> {
  const row = await db
    .deleteFrom('challenges')
    .where('id', '=', id)
    .where(
      (build) =>
        build
          .selectFrom('submissions')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('challenge_id', '=', id),
      '=',
      submissions,
    )
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** The keys of all blobs of a challenge: references, masks and logs. */
export async function blobKeysOf(db: Kysely<Tables>, challengeId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('cases')
    .select('reference_key as key')
    .where('challenge_id', '=', challengeId)
    .unionAll(
      db
        .selectFrom('submission_cases')
        .innerJoin('submissions', 'submissions.id', 'submission_cases.submission_id')
        .select('submission_cases.mask_key as key')
        .where('submissions.challenge_id', '=', challengeId),
    )
    .unionAll(
      db
        .selectFrom('efficiency_logs')
        .innerJoin('submissions', 'submissions.id', 'efficiency_logs.submission_id')
        .select('efficiency_logs.log_key as key')
        .where('submissions.challenge_id', '=', challengeId),
    )
    .execute();
  return rows.map(({ key }) => key);
}

/** The cases of a challenge, by name. */
export async function listCases(db: Kysely<Tables>, challengeId: string): Promise<ChallengeCase[]> {
  const rows = await db
    .selectFrom('cases')
    .selectAll()
    .where('challenge_id', '=', challengeId)
    .orderBy('name')
    .execute();
  return rows.map(caseOf);
}

export async function findCase(
  db: Kysely<Tables>,
  challengeId: string,
  name: string,
): Promise<ChallengeCase | undefined> {
  const row = await db
    .selectFrom('cases')
    .selectAll()
    .where('challenge_id', '=', challengeId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row && caseOf(row);
}

/**
 * Stores a case or puts another reference in its place. Returns false, and does nothing, once there are submissions, or
 * where the challenge has no longer the organs that the reference was checked against.
 */
export async function putCase(
  db: Kysely<Tables>,
  { id: challengeId, organs }: Pick<Challenge, 'id' | 'organs'>,
  added: ChallengeCase,
): Promise<boolean> {
  const grid = JSON.stringify(added.grid);
  const stored = await db
    .insertInto('cases')
    .columns(['challenge_id', 'name', 'reference_key', 'grid_json'])
    .expression(
      db
        .selectNoFrom((build) => [
          build.val(challengeId).as('challenge_id'),
          build.val(added.name).as('name'),
          build.val(added.referenceKey).as('reference_key'),
          build.val(grid).as('grid_json'),
        ])
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('submissions').select('id').where('challenge_id', '=', challengeId))),
        )
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('challenges')
              .select('id')
              .where('id', '=', challengeId)
              .where('organs_json', '=', JSON.stringify(organs)),
          ),
        ),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['challenge_id', 'name'])
        .doUpdateSet({ reference_key: added.referenceKey, grid_json: grid }),
    )
    .returning('name')
    .executeTakeFirst();
  return stored !== undefined;
}

/**
 * Deletes a case. Returns the key of its reference; undefined, and does nothing, where there is no such case or the
 * challenge has submissions.
 */
export async function deleteCase(
  db: Kysely<Tables>,
  challengeId: string,
  name: string,
): Promise<string | undefined> {
  const row = await db
    .deleteFrom('cases')
    .where('challenge_id', '=', challengeId)
    .where('name', '=', name)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('submissions').select('id').where('challenge_id', '=', challengeId))),
    )
    .returning('reference_key')
    .executeTakeFirst();
  return row?.reference_key;
}

const challengeOf = (row: ChallengeRow): Challenge => ({
  id: row.id,
  name: row.name,
  organs: JSON.parse(row.organs_json),
  rules: row.rules as RuleSetName,
  deadline: row.deadline,
  submissionsPerDay: row.submissions_per_day,
  createdAt: row.created_at,
});

const caseOf = (row: CaseRow): ChallengeCase => ({
  name: row.name,
  referenceKey: row.reference_key,
  grid: JSON.parse(row.grid_json),
});
