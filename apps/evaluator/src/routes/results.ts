/** Routes that give an organiser all results of a challenge. */
import type { Context } from 'hono';
import { api } from '../http/api.ts';
import { ChallengePath } from '../http/parameters.ts';
import { json, route } from '../http/route.ts';
import { resultsCsv, resultsJson } from '../results/allResults.ts';
import { SubmissionView } from '../schema/submission.ts';
import type { Env } from '../services.ts';

export const results = api();

results.openapi(
  route({
    access: 'organiser',
    method: 'get',
    path: '/v1/challenges/{challenge}/results',
    operationId: 'getResults',
    summary: 'All submissions in full',
    request: { params: ChallengePath },
    responses: { 200: json(SubmissionView.array(), 'Newest first') },
  }),
  // A stream, whose type tells nothing of what it carries.
  (c) =>
    download(c, 'json', 'application/json', resultsJson(c.get('services').db, c.get('challenge'))) as never,
);

results.openapi(
  route({
    access: 'organiser',
    method: 'get',
    path: '/v1/challenges/{challenge}/results.csv',
    operationId: 'getResultsCsv',
    summary: 'All submissions in full, as CSV',
    description: 'A line for each case of each submission; areas under curves in the official form.',
    request: { params: ChallengePath },
    responses: {
      200: { description: 'Newest first', content: { 'text/csv': { schema: { type: 'string' } as const } } },
    },
  }),
  (c) => download(c, 'csv', 'text/csv; charset=utf-8', resultsCsv(c.get('services').db, c.get('challenge'))),
);

/** An answer that a browser saves under the challenge's name; it breaks off, and the fault is logged, where `text` throws. */
function download(c: Context<Env>, ending: string, type: string, text: AsyncGenerator<string>): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await text.next();
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      } catch (error) {
        c.get('services').logError(error);
        controller.error(error);
      }
    },
    async cancel() {
      await text.return(undefined);
    },
  });
  const name = [...c.get('challenge').name.matchAll(/[A-Za-z0-9]+/g), 'results'].join('-');
  return c.body(body, 200, {
    'content-type': type,
    'content-disposition': `attachment; filename="${name}.${ending}"`,
  });
}
