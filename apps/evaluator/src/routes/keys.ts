/** Routes that issue, list and revoke a challenge's keys. */
import type { z } from '@hono/zod-openapi';
import { issueKey } from '../auth/issueKey.ts';
import { api } from '../http/api.ts';
import { ChallengeKeyPath, ChallengePath } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { json, jsonBody, route } from '../http/route.ts';
import { IssuedKey, KeyView, NewKey } from '../schema/challenge.ts';
import { type KeyRecord, listKeys, revokeKey } from '../store/keys.ts';

export const keys = api();

keys.openapi(
  route({
    access: 'organiser',
    method: 'post',
    path: '/v1/challenges/{challenge}/keys',
    operationId: 'issueKey',
    summary: 'Issue a key for a team, or for another organiser',
    request: { params: ChallengePath, body: jsonBody(NewKey) },
    responses: { 201: json(IssuedKey, 'The key, shown this once') },
  }),
  async (c) => {
    const issued = await issueKey(c.get('services').db, c.get('challenge').id, c.req.valid('json'));
    const { key, record } = issued!;
    return c.json({ ...view(record), key }, 201);
  },
);

keys.openapi(
  route({
    access: 'organiser',
    method: 'get',
    path: '/v1/challenges/{challenge}/keys',
    operationId: 'listKeys',
    summary: 'List the keys, without their secrets',
    request: { params: ChallengePath },
    responses: { 200: json(KeyView.array(), 'Oldest first') },
  }),
  async (c) => {
    const found = await listKeys(c.get('services').db, c.get('challenge').id);
    return c.json(found.map(view), 200);
  },
);

keys.openapi(
  route({
    access: 'organiser',
    method: 'delete',
    path: '/v1/challenges/{challenge}/keys/{key}',
    operationId: 'revokeKey',
    summary: 'Revoke a key',
    request: { params: ChallengeKeyPath },
    responses: { 204: { description: 'It no longer counts' } },
  }),
  async (c) => {
    const { key } = c.req.valid('param');
    const isFound = await revokeKey(c.get('services').db, c.get('challenge').id, key);
    if (!isFound) throw new Problem(404, `there is no key ${key}`);
    return c.body(null, 204);
  },
);

const view = (record: KeyRecord): z.infer<typeof KeyView> => ({
  id: record.id,
  role: record.role as 'organiser' | 'submitter',
  team: record.team,
  createdAt: record.createdAt,
  expiresAt: record.expiresAt,
  revokedAt: record.revokedAt,
});
