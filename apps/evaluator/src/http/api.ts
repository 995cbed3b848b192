/** Groups of routes, and how they say that a request does not fit their schemas. */
import { OpenAPIHono, type z } from '@hono/zod-openapi';
import type { Env } from '../services.ts';
import { Problem } from './problem.ts';

/** A group of routes whose input is validated by their schemas; what is wrong is told in one line. */
export function api(): OpenAPIHono<Env> {
  return new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw new Problem(422, faultLine(result.error));
    },
  });
}

/** The first fault, with the place where it is. */
export function faultLine(error: z.core.$ZodError): string {
  const [{ path, message }] = error.issues;
  return [path.join('.'), message].filter(Boolean).join(': ');
}
