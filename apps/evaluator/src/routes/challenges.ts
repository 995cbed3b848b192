/** Routes that create, show and change challenges. */
import type { z } from '@hono/zod-openapi';
import { issueKey } from '../auth/issueKey.ts';
import { api } from '../http/api.ts';
import { ChallengePath } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { json, jsonBody, route } from '../http/route.ts';
import {
  ChallengeChange,
  ChallengeDeletion,
  ChallengeView,
  IssuedKey,
  NewChallenge,
} from '../schema/challenge.ts';
import type { Services } from '../services.ts';
import {
  type Challenge,
  findChallenge,
  insertChallenge,
  listCases,
  listChallenges,
  updateChallenge,
} from '../store/challenges.ts';
import { removeChallenge } from '../submission/removeChallenge.ts';

export const challenges = api();

challenges.openapi(
  route({
    access: 'owner',
    method: 'post',
    path: '/v1/challenges',
    operationId: 'createChallenge',
    summary: 'Create a challenge',
    description:
      'Everything but the name has a default: FLARE22’s organs and rules, no deadline, 5 submissions a day. The answer holds a key for the challenge’s organiser.',
    request: { body: jsonBody(NewChallenge) },
    responses: { 201: json(ChallengeView.extend({ organiser: IssuedKey }), 'The challenge') },
  }),
  async (c) => {
    const { db } = c.get('services');
    const challenge = (await insertChallenge(db, c.req.valid('json')))!;
    const issued = await issueKey(db, challenge.id, { role: 'organiser', expiresAt: null });
    const { key, record } = issued!;
    const { secretHash: _, challengeId: __, ...shown } = record;
    const organiser = { ...shown, role: 'organiser' as const, key };
    return c.json({ ...challenge, organs: [...challenge.organs], cases: 0, organiser }, 201);
  },
);

challenges.openapi(
  route({
    access: 'anyone',
    method: 'get',
    path: '/v1/challenges',
    operationId: 'listChallenges',
    summary: 'List the challenges',
    responses: { 200: json(ChallengeView.array(), 'Newest first') },
  }),
  async (c) => {
    const services = c.get('services');
    const found = await listChallenges(services.db);
    return c.json(await Promise.all(found.map((challenge) => view(services, challenge))), 200);
  },
);

challenges.openapi(
  route({
    access: 'anyone',
    method: 'get',
    path: '/v1/challenges/{challenge}',
    operationId: 'getChallenge',
    summary: 'Show a challenge',
    request: { params: ChallengePath },
    responses: { 200: json(ChallengeView, 'The challenge') },
  }),
  async (c) => c.json(await view(c.get('services'), c.get('challenge')), 200),
);

challenges.openapi(
  route({
    access: 'organiser',
    method: 'patch',
    path: '/v1/challenges/{challenge}',
    operationId: 'changeChallenge',
    summary: 'Change the name, the deadline, the submissions a day or the organs',
    description:
      'Organs until the first reference is uploaded, which is checked by them. Rules stay as they are: scores would no longer compare.',
    request: { params: ChallengePath, body: jsonBody(ChallengeChange) },
    responses: { 200: json(ChallengeView, 'The challenge as it is now') },
  }),
  async (c) => {
    const services = c.get('services');
    const { id, name } = c.get('challenge');
    if (!(await updateChallenge(services.db, id, c.req.valid('json'))))
      throw new Problem(409, `${name} has references: its organs stay as they are`);
    return c.json(await view(services, (await findChallenge(services.db, id))!), 200);
  },
);

challenges.openapi(
  route({
    access: 'owner',
    method: 'delete',
    path: '/v1/challenges/{challenge}',
    operationId: 'deleteChallenge',
    summary: 'Delete a challenge with all that belongs to it',
    description:
      'Its references, its keys, and its submissions with their masks and scores. Refused unless its name is given and, where it has submissions, their number.',
    request: { params: ChallengePath, query: ChallengeDeletion },
    responses: { 204: { description: 'It is gone' } },
  }),
  async (c) => {
    await removeChallenge(c.get('services'), c.get('challenge'), c.req.valid('query'));
    return c.body(null, 204);
  },
);

async function view({ db }: Services, challenge: Challenge): Promise<z.infer<typeof ChallengeView>> {
  const cases = (await listCases(db, challenge.id)).length;
  return { ...challenge, organs: [...challenge.organs], cases };
}
