/** The service: routes over what an entry provides. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { identify } from './auth/identify.ts';
import { Problem, problemOf, problemResponse } from './http/problem.ts';
import { pages, problemPage } from './pages/pages.ts';
import { caseFiles } from './routes/caseFiles.ts';
import { challenges } from './routes/challenges.ts';
import { events } from './routes/events.ts';
import { health } from './routes/health.ts';
import { keys } from './routes/keys.ts';
import { leaderboard } from './routes/leaderboard.ts';
import { references } from './routes/references.ts';
import { results } from './routes/results.ts';
import { score } from './routes/score.ts';
import { submissions } from './routes/submissions.ts';
import type { Env, Services } from './services.ts';

const DESCRIPTION = {
  openapi: '3.1.0',
  info: {
    title: 'organseg evaluator',
    version: '1',
    description: 'Scores masks of abdominal organs by DSC, NSD and efficiency, and ranks submissions.',
  },
} as const;

/** `services` finds what a request needs, from its platform's bindings where it has some. */
export function createApp(services: (bindings: Env['Bindings']) => Promise<Services>): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>();
  app.use(async (c, next) => {
    c.set('services', await services(c.env));
    await next();
  });
  app.route('/', health);
  app.use(identify);
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description: 'A key: ose_ID_SECRET',
  });
  const groups = [score, challenges, references, keys, submissions, caseFiles, events, leaderboard, results];
  for (const group of groups) app.route('/', group);
  app.doc31('/openapi.json', DESCRIPTION);
  app.route(
    '/',
    pages(() => app.getOpenAPI31Document(DESCRIPTION)),
  );
  app.notFound((c) => {
    const problem = new Problem(404, `there is no ${c.req.method} ${c.req.path}`);
    const isBrowser = c.req.header('accept')?.includes('text/html');
    return isBrowser ? problemPage(c, problem) : problemResponse(c, problem);
  });
  app.onError((error, c) => {
    const problem = problemOf(error);
    if (problem.status === 500) c.get('services')?.logError(error);
    return problemResponse(c, problem);
  });
  return app;
}
