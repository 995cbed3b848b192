/** The route that tells a load balancer whether the service is up. */
import { z } from '@hono/zod-openapi';
import { api } from '../http/api.ts';
import { json, route } from '../http/route.ts';

export const health = api();

health.openapi(
  route({
    access: 'anyone',
    method: 'get',
    path: '/health',
    operationId: 'health',
    summary: 'Whether the service is up',
    responses: { 200: json(z.object({ status: z.literal('ok') }), 'It is') },
  }),
  (c) => c.json({ status: 'ok' as const }, 200),
);
