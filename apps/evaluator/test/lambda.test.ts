/** Lambda's handler, called with events as a function URL and EventBridge send them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LambdaContext, LambdaEvent } from 'hono/aws-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeKey } from '../src/auth/secret.ts';
import { mask } from './masks.ts';

const recorded = (name: string) =>
  JSON.parse(readFileSync(new URL(`events/${name}.json`, import.meta.url), 'utf8'));
const context = { getRemainingTimeInMillis: () => 300_000 } as LambdaContext;

let data: string;
let key: string;
let handler: (event: LambdaEvent, context: LambdaContext) => Promise<unknown>;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'organseg-lambda-'));
  ({ key } = await makeKey({ role: 'owner', challengeId: null, team: null, expiresAt: null }));
  process.env.EVALUATOR_DATA = data;
  process.env.EVALUATOR_OWNER_KEY = key;
  ({ handler } = await import('../src/entry/lambda.ts'));
});
afterAll(() => rmSync(data, { recursive: true, force: true }));

/** The recorded request of a function URL, with another method, path, key and body. */
async function call(method: string, path: string, as?: string, body?: object | Uint8Array) {
  const event = recorded('functionUrl');
  event.rawPath = path;
  Object.assign(event.requestContext.http, { method, path });
  if (as) event.headers.authorization = `Bearer ${as}`;
  if (body instanceof Uint8Array) {
    Object.assign(event, { body: Buffer.from(body).toString('base64'), isBase64Encoded: true });
    event.headers['content-type'] = 'application/octet-stream';
    event.headers['content-length'] = String(body.length);
  } else if (body) {
    Object.assign(event, { body: JSON.stringify(body), isBase64Encoded: false });
    event.headers['content-type'] = 'application/json';
  }
  const answer = (await handler(event, context)) as { statusCode: number; body: string };
  return { status: answer.statusCode, body: answer.body ? JSON.parse(answer.body) : {} };
}

test('answers a function URL’s request as it was recorded', async () => {
  const answer = await handler(recorded('functionUrl'), context);
  expect(answer).toMatchObject({ statusCode: 200, isBase64Encoded: false });
  expect(JSON.parse((answer as { body: string }).body)).toEqual({ status: 'ok' });
});

test('takes a submission file by file, and scores it when the schedule calls', async () => {
  const { body: challenge } = await call('POST', '/v1/challenges', key, { name: 'A' });
  const path = `/v1/challenges/${challenge.id}`;
  expect(await call('PUT', `${path}/cases/one`, key, mask())).toMatchObject({ status: 201 });
  const { body: team } = await call('POST', `${path}/keys`, key, { role: 'submitter', team: 'T' });
  const { body: opened } = await call('POST', `${path}/submissions/open`, team.key);
  const submission = `/v1/submissions/${opened.id}`;
  expect(await call('PUT', `${submission}/cases/one`, team.key, mask(1))).toMatchObject({ status: 201 });
  expect(await call('POST', `${submission}/complete`, team.key)).toMatchObject({ status: 202 });
  expect((await call('GET', submission, team.key)).body.state).toBe('queued');

  expect(await handler(recorded('schedule'), context)).toEqual({ scored: 1 });
  expect(await handler(recorded('schedule'), context)).toEqual({ scored: 0 });
  const { body: scored } = await call('GET', submission, team.key);
  expect(scored).toMatchObject({ state: 'scored', organs: { Liver: { dsc: 0.75 } } });
});

test('leaves what is queued where time runs out', async () => {
  const short = { getRemainingTimeInMillis: () => 1000 } as LambdaContext;
  expect(await handler(recorded('schedule'), short)).toEqual({ scored: 0 });
});
