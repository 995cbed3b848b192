/** Routes that take and remove the hidden references of a challenge, and list its cases. */
import { api } from '../http/api.ts';
import { ChallengeCasePath, ChallengePath } from '../http/parameters.ts';
import { binary, json, route } from '../http/route.ts';
import { CaseView, ReceivedReference } from '../schema/challenge.ts';
import { listCases } from '../store/challenges.ts';
import { bodyOf, requireType } from '../upload/body.ts';
import { MASK_TYPES } from '../upload/fileNames.ts';
import { receiveReference, removeReference } from '../upload/receive.ts';

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
    responses: { 201: json(ReceivedReference, 'What was read') },
  }),
  async (c) => {
    const services = c.get('services');
    const challenge = c.get('challenge');
    const { case: name } = c.req.valid('param');
    requireType(c, MASK_TYPES);
    const body = bodyOf(c, services.limits.maxMaskBytes);
    const { grid, replaced } = await receiveReference(services, challenge, name, body);
    return c.json({ name, shape: [...grid.shape], spacingMm: [...grid.spacingMm], replaced }, 201);
  },
);

references.openapi(
  route({
    access: 'organiser',
    method: 'delete',
    path: '/v1/challenges/{challenge}/cases/{case}',
    operationId: 'removeReference',
    summary: 'Remove a case and its reference',
    description: 'Until the first submission.',
    request: { params: ChallengeCasePath },
    responses: { 204: { description: 'It is gone' } },
  }),
  async (c) => {
    await removeReference(c.get('services'), c.get('challenge'), c.req.valid('param').case);
    return c.body(null, 204);
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
