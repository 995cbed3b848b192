/** What becomes of a submission when two requests meet on it, at every step of the database that they can meet at. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mask, zip } from '../../test/masks.ts';
import { createApp } from '../app.ts';
import { makeKey } from '../auth/secret.ts';
import { Problem } from '../http/problem.ts';
import { limitsFrom } from '../limits.ts';
import { folderBlobs } from '../node/folder.ts';
import { type Database, openSqlite } from '../node/sqlite.ts';
import type { Services } from '../services.ts';
import { BLOB_FOLDERS } from '../store/blobs.ts';
import { type Challenge, insertChallenge } from '../store/challenges.ts';
import { listLogs } from '../store/efficiencyLogs.ts';
import { insertKey } from '../store/keys.ts';
import { migrate } from '../store/migrations.ts';
import {
  findSubmission,
  listSubmissionCases,
  listSubmissions,
  type Submission,
} from '../store/submissions.ts';
import { sweepBlobs } from '../store/sweepBlobs.ts';
import { receiveLog, receiveMask, receiveReference } from '../upload/receive.ts';
import { submitZip } from '../upload/receiveZip.ts';
import { completeSubmission, discardSubmission, openSubmission, refusal } from './lifeCycle.ts';

let folder: string;
let services: Services;
let challenge: Challenge;
let close: Database['close'];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-life-cycle-'));
  const blobs = await folderBlobs(folder);
  const database = openSqlite(join(folder, 'db.sqlite'));
  close = database.close;
  await migrate(database.db);
  services = {
    db: database.db,
    blobs,
    // Every mask is sound, at once: what is tested is the order of what is stored.
    compute: { check: async () => GRID, score: () => Promise.reject(new Error('not asked for')) },
    enqueue: async () => {},
    limits: limitsFrom({}),
    rateLimit: { take: async () => 0 },
    addressOf: () => '',
    watchMs: 0,
    logError: () => {},
  };
  challenge = (await insertChallenge(services.db, {
    name: 'Abdomen',
    organs: FLARE22_ORGANS,
    rules: 'flare22',
    deadline: null,
    submissionsPerDay: 1000,
  }))!;
  for (const name of ['one', 'two']) await receiveReference(services, challenge, name, only(mask()));
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const GRID = { shape: [1, 1, 1], affine: [], spacingMm: [1, 1, 1] } as const;
const LOG = new TextEncoder().encode('{"t":0,"gpuMemoryMb":1,"cpuPercent":1}\n');

/** An open submission with a mask and a log of the case `one`. */
async function opened(): Promise<Submission> {
  const submission = await openSubmission(services, challenge, 'team', 'files');
  await receiveMask(services, challenge, submission, 'one', only(mask()));
  await receiveLog(services, challenge, submission, 'one', 'claimed', only(LOG));
  return submission;
}

/** Gives a submission up, as the route does it. */
const discarded = async ({ id }: Submission) => {
  if (!(await discardSubmission(services, id))) throw await refusal(services.db, id, ': it stays');
};

type Request = (submission: Submission) => Promise<unknown>;

/** More queries than any of the requests asks of the database, which answers one at a time. */
const MOST_QUERIES = 5;

const queries = async (count: number) => {
  for (let i = 0; i < count; i++) await sql`select 1`.execute(services.db);
};

/**
 * Runs two requests at once, the one so many queries after the other, in every way they can meet; a `first` that
 * stores a blob meets the other from then on. `check` gets the statuses of their refusals, in this order.
 */
async function meeting(
  { first, second, isUpload = false }: { first: Request; second: Request; isUpload?: boolean },
  check: (submission: Submission, refusals: (number | undefined)[]) => Promise<void>,
): Promise<void> {
  const { put } = services.blobs;
  for (let lead = -MOST_QUERIES; lead <= MOST_QUERIES; lead++) {
    const submission = await opened();
    const stored = Promise.withResolvers<void>();
    if (!isUpload) stored.resolve();
    services.blobs.put = async (key, bytes) => {
      const count = await put(key, bytes);
      stored.resolve();
      await queries(-lead);
      return count;
    };
    const firstRun = isUpload ? first(submission) : queries(-lead).then(() => first(submission));
    const secondRun = stored.promise.then(() => queries(lead)).then(() => second(submission));
    const ends = await Promise.allSettled([firstRun, secondRun]);
    services.blobs.put = put;
    await check(submission, ends.map(refusalOf));
  }
}

function refusalOf(end: PromiseSettledResult<unknown>): number | undefined {
  if (end.status === 'fulfilled') return undefined;
  if (end.reason instanceof Problem) return end.reason.status;
  throw end.reason;
}

async function storedKeys(): Promise<string[]> {
  const keys: string[] = [];
  for (const name of BLOB_FOLDERS) for await (const { key } of services.blobs.list(name)) keys.push(key);
  return keys;
}

/** All that a submission names is stored; nothing of one that is gone is named or, after a sweep, stored. */
async function assertWhole({ id }: Submission): Promise<void> {
  const masks = (await listSubmissionCases(services.db, id)).map(({ maskKey }) => maskKey);
  const logs = (await listLogs(services.db, id)).map(({ logKey }) => logKey);
  expect(await storedKeys()).toEqual(expect.arrayContaining([...masks, ...logs]));
  if (!(await findSubmission(services.db, id))) expect([...masks, ...logs]).toEqual([]);
}

test('a submission that is completed while it is given up is either whole or gone', async () => {
  const ends = new Set<string>();
  await meeting(
    { first: (submission) => completeSubmission(services, submission), second: discarded },
    async (submission, refusals) => {
      const found = await findSubmission(services.db, submission.id);
      ends.add(found ? 'complete' : 'gone');
      await assertWhole(submission);
      expect(found?.completedAt).not.toBeNull();
      expect(refusals).toEqual(found ? [undefined, 409] : [404, undefined]);
    },
  );
  expect(ends).toEqual(new Set(['complete', 'gone']));
});

const UPLOADS: [string, Request][] = [
  ['mask', (submission) => receiveMask(services, challenge, submission, 'two', only(mask()))],
  ['log', (submission) => receiveLog(services, challenge, submission, 'two', 'claimed', only(LOG))],
];

test.each(UPLOADS)('a %s that comes while its submission is given up goes with it', async (_, upload) => {
  const references = await storedKeys();
  const seen = new Set<number | undefined>();
  await meeting(
    { first: upload, second: discarded, isUpload: true },
    async (submission, [receiving, discarding]) => {
      seen.add(receiving);
      expect(discarding).toBeUndefined();
      expect(await findSubmission(services.db, submission.id)).toBeUndefined();
      await assertWhole(submission);
    },
  );
  expect(seen).toEqual(new Set([undefined, 404]));
  await sweepBlobs(services.db, services.blobs, -1000);
  expect((await storedKeys()).sort()).toEqual(references.sort());
});

test.each(UPLOADS)(
  'a %s that comes while its submission is completed is in it, or refused',
  async (kind, upload) => {
    const seen = new Set<number | undefined>();
    const complete = (submission: Submission) => completeSubmission(services, submission);
    await meeting(
      { first: upload, second: complete, isUpload: true },
      async (submission, [receiving, completing]) => {
        seen.add(receiving);
        expect(completing).toBeUndefined();
        await assertWhole(submission);
        const found = kind === 'mask' ? listSubmissionCases : listLogs;
        expect(await found(services.db, submission.id)).toHaveLength(receiving ? 1 : 2);
      },
    );
    expect(seen).toEqual(new Set([undefined, 409]));
  },
);

/** The routes over the services, and a key of the team. */
async function service() {
  const scope = { role: 'submitter', challengeId: challenge.id, team: 'team', expiresAt: null } as const;
  const { key, record } = await makeKey(scope);
  await insertKey(services.db, record);
  return { app: createApp(async () => services), key };
}

test('a zip that is being received takes nothing by another request, and is accepted whole', async () => {
  const { app, key } = await service();
  const [begun, rest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const packed = await zip({ 'one.nii.gz': mask() });
  const slowly = async function* () {
    begun.resolve();
    yield packed.subarray(0, 100);
    await rest.promise;
    yield packed.subarray(100);
  };
  const receiving = submitZip(services, challenge, 'team', slowly());
  await begun.promise;
  const [{ id }] = await listSubmissions(services.db, challenge.id);
  for (const [method, path, body] of [
    ['PUT', '/cases/two', mask()],
    ['PUT', '/cases/two/efficiency', LOG],
    ['POST', '/complete', undefined],
  ] as const) {
    const answer = await app.request(`/v1/submissions/${id}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body && { body }),
    });
    expect(await answer.json()).toMatchObject({
      status: 409,
      detail: `submission ${id} is being received in one request: it takes nothing besides`,
    });
  }
  rest.resolve();
  expect((await receiving).completedAt).not.toBeNull();
  expect(await listSubmissionCases(services.db, id)).toMatchObject([{ name: 'one' }]);
});

test.each<[string, string[], RegExp]>([
  ['a zip and a mask', ['all.zip', 'two.nii.gz'], /send one zip, or the files themselves/],
  ['a mask and a zip', ['two.nii.gz', 'all.zip'], /send one zip, or the files themselves/],
  ['two masks of one case', ['one.nii', 'one.nii.gz'], /one\.nii\.gz and one\.nii: two files of one case/],
  ['two zips', ['all.zip', 'more.zip'], /send one zip, or the files themselves/],
  [
    'other files alone',
    ['report.json', 'one.png'],
    /the choice holds no mask .*; passed over: report\.json, one\.png/,
  ],
])('a form with %s is refused whole', async (_, names, fault) => {
  const { app, key } = await service();
  const references = await storedKeys();
  const form = new FormData();
  const packed = await zip({ 'one.nii.gz': mask() });
  for (const name of names) form.append('files', new Blob([packed]), name);
  const answer = await app.request(`/challenges/${challenge.id}/submit`, {
    method: 'POST',
    headers: { cookie: `organseg_key=${key}`, origin: 'http://localhost' },
    body: form,
  });
  expect(answer.status).toBe(422);
  expect(await answer.text()).toMatch(fault);
  expect(await listSubmissions(services.db, challenge.id)).toEqual([]);
  expect(await storedKeys()).toEqual(references);
});
