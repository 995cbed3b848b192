/** What becomes of a claimed case when its scoring succeeds, its mask is at fault, or the service is. */
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Problem } from '../http/problem.ts';
import { limitsFrom } from '../limits.ts';
import { type Database, openSqlite } from '../node/sqlite.ts';
import { insertChallenge, putCase } from '../store/challenges.ts';
import { migrate } from '../store/migrations.ts';
import {
  claimNextCase,
  insertSubmission,
  listSubmissionCases,
  markComplete,
  putMask,
} from '../store/submissions.ts';
import { MAX_ATTEMPTS, scoreQueuedCase } from './scoreQueuedCase.ts';

const SCORES: CaseScore = { organs: {}, mean: { dsc: 1, nsd: 1 } };
const GRID = { shape: [1, 1, 1], affine: [], spacingMm: [1, 1, 1] } as const;

let db: Database['db'];
let close: Database['close'];
let submissionId: string;
beforeEach(async () => {
  ({ db, close } = openSqlite(':memory:'));
  await migrate(db);
  const challenge = (await insertChallenge(db, {
    name: 'A',
    organs: FLARE22_ORGANS,
    rules: 'plain',
    deadline: null,
    submissionsPerDay: 5,
  }))!;
  await putCase(db, challenge, { name: 'one', referenceKey: 'masks/reference', grid: GRID });
  submissionId = (await insertSubmission(db, challenge, 'team', 'files'))!.id;
  await putMask(db, submissionId, 'one', 'masks/one');
  await markComplete(db, submissionId);
});
afterEach(() => close());

/** Takes the next case and scores it by what `score` does. */
async function scoreNext(score: () => Promise<CaseScore>): Promise<void> {
  const compute = { score, check: () => Promise.reject(new Error('not asked for')) };
  await scoreQueuedCase(
    { db, compute, limits: limitsFrom({}), logError: () => {} },
    (await claimNextCase(db))!,
  );
}

const seen = async () => (await listSubmissionCases(db, submissionId))[0];

test('a case waits again where the service is at fault, and is scored later', async () => {
  await expect(scoreNext(() => Promise.reject(new Error('the disk is gone')))).rejects.toThrow(
    'the disk is gone',
  );
  expect(await seen()).toMatchObject({ state: 'received', error: null });
  await scoreNext(async () => SCORES);
  expect(await seen()).toMatchObject({ state: 'scored', scores: SCORES });
});

test('a case fails at once where its mask is at fault', async () => {
  await scoreNext(() => Promise.reject(new Problem(422, 'one: not NIfTI')));
  expect(await seen()).toMatchObject({ state: 'failed', error: 'one: not NIfTI' });
});

test('a case is given up in the end, without telling why', async () => {
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
    await expect(scoreNext(() => Promise.reject(new Error('secret')))).rejects.toThrow();
  }
  await scoreNext(() => Promise.reject(new Error('secret')));
  expect(await seen()).toMatchObject({ state: 'failed', error: expect.not.stringContaining('secret') });
  expect(await claimNextCase(db)).toBeUndefined();
});
