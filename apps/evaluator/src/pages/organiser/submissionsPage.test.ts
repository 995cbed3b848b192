/** The list of submissions where scoring failed, which no sound request brings about. */
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../app.ts';
import { issueKey } from '../../auth/issueKey.ts';
import { openSqlite } from '../../node/sqlite.ts';
import type { Services } from '../../services.ts';
import { insertChallenge, putCase } from '../../store/challenges.ts';
import { migrate } from '../../store/migrations.ts';
import {
  claimNextCase,
  insertSubmission,
  markComplete,
  putMask,
  recordFailure,
  recordScores,
} from '../../store/submissions.ts';

test('an organiser reads which case failed and why, and that it counts 0', async () => {
  const { db, close } = openSqlite(':memory:');
  onTestFinished(close);
  await migrate(db);
  const settings = { rules: 'plain', deadline: null, submissionsPerDay: 5 } as const;
  const challenge = (await insertChallenge(db, { name: 'A', organs: FLARE22_ORGANS, ...settings }))!;
  const grid = { shape: [1, 1, 1], affine: [], spacingMm: [1, 1, 1] } as const;
  for (const name of ['one', 'two']) await putCase(db, challenge, { name, referenceKey: name, grid });
  const submission = (await insertSubmission(db, challenge, 'Red', 'files'))!;
  for (const name of ['one', 'two']) await putMask(db, submission.id, name, `masks/${name}`);
  await markComplete(db, submission.id);
  const services = { db, rateLimit: { take: async () => 0 }, addressOf: () => '' };
  const app = createApp(async () => services as unknown as Services);
  const { key } = (await issueKey(db, challenge.id, { role: 'organiser', expiresAt: null }))!;
  const page = async () => {
    const answer = await app.request(`/challenges/${challenge.id}/submissions`, {
      headers: { cookie: `organseg_key=${key}` },
    });
    return answer.text();
  };
  expect(await page()).toMatch(/>queued<.*>0 \/ 2<.*>–<.*>–</s);
  await recordFailure(db, (await claimNextCase(db))!, 'no <b>mask</b> is there');
  expect(await page()).toMatch(/>scoring<.*>1 \/ 2<.*1 failed<.*one: no &lt;b&gt;mask&lt;\/b&gt; is there/s);
  await recordScores(db, (await claimNextCase(db))!, { organs: {}, mean: { dsc: 1, nsd: 0.5 } });
  expect(await page()).toMatch(/>scored<.*>2 \/ 2<.*>0\.5000<.*>0\.2500<.*1 failed<.*one: /s);
});
