/** The database and the folder of blobs: what they keep, what they refuse, and what is swept. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folderBlobs } from '../node/folder.ts';
import { type Database, lockFolder, openSqlite } from '../node/sqlite.ts';
import { findCase, findChallenge, insertChallenge, putCase, updateChallenge } from './challenges.ts';
import { migrate } from './migrations.ts';
import {
  claimCase,
  claimNextCase,
  deleteSubmission,
  insertSubmission,
  listSubmissionCases,
  markComplete,
  putMask,
  recordFailure,
  recordScores,
  requeueInterrupted,
} from './submissions.ts';
import { sweepBlobs } from './sweepBlobs.ts';
import type { Tables } from './tables.ts';

let folder: string;
let db: Kysely<Tables>;
let close: Database['close'];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-store-'));
  ({ db, close } = openSqlite(join(folder, 'db.sqlite')));
  await migrate(db);
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

const challenge = async (submissionsPerDay = 5) =>
  (await insertChallenge(db, {
    name: 'Abdomen',
    organs: FLARE22_ORGANS,
    rules: 'flare22',
    deadline: null,
    submissionsPerDay,
  }))!;
const GRID = { shape: [1, 1, 1], affine: [], spacingMm: [1, 1, 1] } as const;
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
const SCORES: CaseScore = { organs: {}, mean: { dsc: 1, nsd: 1 } };

async function submitted(...cases: string[]) {
  const submission = (await insertSubmission(db, await challenge(), 'team', 'files'))!;
  for (const name of cases) await putMask(db, submission.id, name, `masks/${name}`);
  return submission;
}

test('migrations run once, and again do nothing', async () => {
  const { id } = await challenge();
  await migrate(db);
  expect(await db.selectFrom('challenges').select('id').execute()).toEqual([{ id }]);
});

test('a day has so many submissions, however many come at once', async () => {
  const made = await challenge(3);
  const begun = await Promise.all(Array.from({ length: 8 }, () => insertSubmission(db, made, 'a', 'zip')));
  expect(begun.filter(Boolean)).toHaveLength(3);
  expect(await insertSubmission(db, made, 'b', 'zip')).toBeDefined();
  await deleteSubmission(db, begun.find(Boolean)!.id);
  expect(await insertSubmission(db, made, 'a', 'zip')).toBeDefined();
});

test('references can be replaced until the first submission', async () => {
  const made = await challenge();
  expect(await putCase(db, made, { name: 'one', referenceKey: 'masks/1', grid: GRID })).toBe(true);
  expect(await putCase(db, made, { name: 'one', referenceKey: 'masks/2', grid: GRID })).toBe(true);
  await insertSubmission(db, made, 'team', 'files');
  expect(await putCase(db, made, { name: 'one', referenceKey: 'masks/3', grid: GRID })).toBe(false);
  expect(await findCase(db, made.id, 'one')).toEqual({ name: 'one', referenceKey: 'masks/2', grid: GRID });
});

test('a reference that was checked against organs of before is not taken', async () => {
  const made = await challenge();
  const added = { name: 'one', referenceKey: 'masks/1', grid: GRID };
  expect(await updateChallenge(db, made.id, { organs: FLARE22_ORGANS.slice(1) })).toBe(true);
  expect(await putCase(db, made, added)).toBe(false);
  expect(await putCase(db, (await findChallenge(db, made.id))!, added)).toBe(true);
});

test('cases wait until their submission is completed, and each is taken once', async () => {
  const submission = await submitted('a', 'b');
  expect(await claimNextCase(db)).toBeUndefined();
  expect(await markComplete(db, submission.id)).toBe(true);
  expect(await markComplete(db, submission.id)).toBe(false);
  expect(await putMask(db, submission.id, 'a', 'masks/late')).toBe(false);
  const claimed = await Promise.all([claimNextCase(db), claimNextCase(db), claimNextCase(db)]);
  expect(claimed.map((found) => found?.name)).toEqual(['a', 'b', undefined]);
});

test('what was being scored when the process died is scored again, after what was tried less, and only once', async () => {
  const submission = await submitted('a', 'b', 'c');
  await markComplete(db, submission.id);
  const first = (await claimNextCase(db))!;
  await recordScores(db, (await claimNextCase(db))!, SCORES);
  await requeueInterrupted(db);
  expect((await claimNextCase(db))?.name).toBe('c');
  expect(await claimNextCase(db)).toMatchObject({ name: first.name, attempts: 2 });
  expect(await claimNextCase(db)).toBeUndefined();
});

test('a score that stands is not overwritten', async () => {
  const submission = await submitted('a');
  await markComplete(db, submission.id);
  const taken = (await claimNextCase(db))!;
  await recordScores(db, taken, SCORES);
  await recordFailure(db, taken, 'late');
  expect(await claimCase(db, submission.id, 'a')).toBeUndefined();
  expect(await listSubmissionCases(db, submission.id)).toMatchObject([
    { state: 'scored', scores: SCORES, error: null },
  ]);
});

test('blobs appear whole or not at all, and unnamed ones are swept', async () => {
  const blobs = await folderBlobs(folder);
  const bytes = async function* (broken = false) {
    yield new Uint8Array([1, 2, 3]);
    if (broken) throw new Error('cut off');
    yield new Uint8Array([4]);
  };
  await expect(blobs.put('masks/broken', bytes(true))).rejects.toThrow('cut off');
  expect(await blobs.put('masks/a', bytes())).toBe(4);
  expect(await blobs.put('masks/unnamed', bytes())).toBe(4);
  const submission = await submitted('a');
  const keys = async () => (await all(blobs.list('masks'))).map(({ key }) => key).sort();
  expect(await keys()).toEqual(['masks/a', 'masks/unnamed']);
  await sweepBlobs(db, blobs);
  expect(await keys()).toEqual(['masks/a', 'masks/unnamed']);
  await sweepBlobs(db, blobs, -1000);
  expect(await keys()).toEqual(['masks/a']);
  expect(await listSubmissionCases(db, submission.id)).toHaveLength(1);
  expect(await all(blobs.get('masks/a', 1, 2))).toEqual([Buffer.from([2, 3])]);
});

test('a folder belongs to one process at a time', () => {
  const release = lockFolder(join(folder, 'lock'));
  expect(() => lockFolder(join(folder, 'lock'))).toThrow('another process uses this folder');
  release();
  lockFolder(join(folder, 'lock'))();
});
