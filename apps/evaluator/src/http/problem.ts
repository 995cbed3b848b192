/** Errors that a caller can do something about, as RFC 9457's problem+json. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

const TITLES = {
  400: 'Bad request',
  401: 'No valid key',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Unusable content',
  429: 'Too many requests',
  500: 'Internal error',
} as const;

export type ProblemStatus = keyof typeof TITLES;

/** Thrown anywhere below a route; `detail` is one line that names what is at fault. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: ProblemStatus;
  readonly headers: Record<string, string>;

  constructor(status: ProblemStatus, detail: string, headers: Record<string, string> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

/** What the caller may know of an error: a fault of the service is answered without detail. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof InputError) return new Problem(422, error.message);
  if (error instanceof HTTPException && error.status in TITLES) {
    return new Problem(error.status as ProblemStatus, error.message || TITLES[error.status as ProblemStatus]);
  }
  return new Problem(500, 'the service failed; what happened is in its log');
}

export function problemBody({ status, message }: Problem) {
  return { type: 'about:blank', title: TITLES[status], status, detail: message };
}

export function problemResponse(c: Context, problem: Problem): Response {
  return c.body(JSON.stringify(problemBody(problem)), problem.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
    ...problem.headers,
  });
}
