/** Routes that take the hidden references of a challenge and list its cases. */
import { api } from '../http/api.ts';
import { ChallengeCasePath, ChallengePath } from '../http/parameters.ts';
import { Problem } from '../http/problem.ts';
import { binary, json, route } from '../http/route.ts';
import { CaseView } from '../schema/challenge.ts';
import { listCases } from '../store/challenges.ts';
import { bodyOf, requireType } from '../upload/body.ts';
import { MASK_TYPES } from '../upload/fileNames.ts';
import { receiveReference } from '../upload/receive.ts';

/** There is no route that gives a reference back. */
export const references = api();

references.openapi(
  route({
    access: 'organiser',
    method: 'put',
    path: '/v1/challenges/{challenge}/cases/{case}',
    operationId: 'putReference',
    summary: 'Upload the hidden reference of a case',
    description: 'NIfTI, gzipped or not. Another upload takes its place until the first submission.',
    request: { params: ChallengeCasePath, body: binary(...MASK_TYPES) },
    responses: { 201: json(CaseView, 'What was read') },
  }),
  async (c) => {
    const services = c.get('services');
    const challenge = c.get('challenge');
    const { case: name } = c.req.valid('param');
    requireType(c, MASK_TYPES);
    const cases = await listCases(services.db, challenge.id);
    if (cases.length >= services.limits.maxCases && !cases.some((each) => each.name === name)) {
      throw new Problem(413, `a challenge has at most ${services.limits.maxCases} cases`);
    }
    const body = bodyOf(c, services.limits.maxMaskBytes);
    const { shape, spacingMm } = await receiveReference(services, challenge, name, body);
    return c.json({ name, shape: [...shape], spacingMm: [...spacingMm] }, 201);
  },
);

references.openapi(
  route({
    access: 'member',
    method: 'get',
    path: '/v1/challenges/{challenge}/cases',
    operationId: 'listCases',
    summary: 'List the cases, with the shape a mask must have',
    request: { params: ChallengePath },
    responses: { 200: json(CaseView.array(), 'By name') },
  }),
  async (c) => {
    const cases = await listCases(c.get('services').db, c.get('challenge').id);
    return c.json(
      cases.map(({ name, grid }) => ({ name, shape: [...grid.shape], spacingMm: [...grid.spacingMm] })),
      200,
    );
  },
);
