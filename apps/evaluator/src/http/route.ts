/** How routes are described: who may call, what they take and answer. The description is what guards and validates. */
import { createRoute, type RouteConfig, type z } from '@hono/zod-openapi';
import { ACCESS, type Access, guard } from '../auth/access.ts';
import { ProblemBody } from '../schema/problem.ts';

/** A body that the route reads as a stream, and its content types. */
export const binary = (...types: string[]) => ({
  required: true,
  content: Object.fromEntries(
    types.map((type) => [type, { schema: { type: 'string', format: 'binary' } as const }]),
  ),
});

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  required: true,
  content: { 'application/json': { schema } },
});

const problem = {
  description: 'What is wrong',
  content: { 'application/problem+json': { schema: ProblemBody } },
};

type Described = RouteConfig & {
  readonly access: Access;
  readonly operationId: string;
  readonly summary: string;
};

/** The route with its guard; `x-access` tells who may call it to whoever reads the description. */
export function route<const R extends Described>(described: R): R & { getRoutingPath(): string } {
  const { access, ...config } = described;
  const description = [config.description, `For ${ACCESS[access]}.`].filter(Boolean).join('\n\n');
  const whole = {
    ...config,
    description,
    'x-access': access,
    ...(access !== 'anyone' && { security: [{ key: [] }] }),
    middleware: guard(access),
    responses: { ...config.responses, default: problem },
  };
  return createRoute(whole as RouteConfig) as unknown as R & { getRoutingPath(): string };
}
