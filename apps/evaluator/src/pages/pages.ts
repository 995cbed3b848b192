/** All pages, and how they answer when something is wrong. */
import { type Context, Hono } from 'hono';
import { csrf } from 'hono/csrf';
import { html } from 'hono/html';
import { secureHeaders } from 'hono/secure-headers';
import { type Problem, problemBody, problemOf } from '../http/problem.ts';
import type { Env } from '../services.ts';
import { challengePages } from './challengePage.ts';
import { docsPages } from './docsPage.ts';
import { page } from './layout.ts';
import { deleteChallengePages } from './organiser/deleteChallengePage.ts';
import { keysPages } from './organiser/keysPage.ts';
import { measuredPages } from './organiser/measuredPage.ts';
import { newChallengePages } from './organiser/newChallengePage.ts';
import { referencesPages } from './organiser/referencesPage.ts';
import { removeReferencePages } from './organiser/removeReferencePage.ts';
import { revokeKeyPages } from './organiser/revokeKeyPage.ts';
import { settingsPages } from './organiser/settingsPage.ts';
import { submissionsPages } from './organiser/submissionsPage.ts';
import { form as signInForm, signInPages } from './signInPage.ts';
import { SCRIPT, STYLE } from './style.ts';
import { submissionPages } from './submissionPage.ts';
import { submitPages } from './submitPage.ts';

/** `describe` gives the OpenAPI document. */
export function pages(describe: () => object): Hono<Env> {
  const app = new Hono<Env>();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      referrerPolicy: 'same-origin',
    }),
  );
  // The origin is compared by its host alone: a proxy in front may speak https where this speaks http.
  app.use(
    csrf({ origin: (origin, c) => hostOf(origin) === (c.req.header('host') ?? new URL(c.req.url).host) }),
  );
  const cached = { 'cache-control': 'public, max-age=300' };
  app.get('/style.css', (c) => c.body(STYLE, 200, { 'content-type': 'text/css; charset=utf-8', ...cached }));
  app.get('/live.js', (c) =>
    c.body(SCRIPT, 200, { 'content-type': 'text/javascript; charset=utf-8', ...cached }),
  );
  const organiserPages = [
    newChallengePages,
    settingsPages,
    deleteChallengePages,
    referencesPages,
    removeReferencePages,
    keysPages,
    revokeKeyPages,
    submissionsPages,
    measuredPages,
  ];
  const others = [challengePages, submitPages, submissionPages, signInPages, docsPages(describe)];
  for (const each of [...organiserPages, ...others]) app.route('/', each);
  app.onError(async (error, c) => {
    const problem = problemOf(error);
    if (problem.status === 500) c.get('services').logError(error);
    if (problem.status === 401 && c.req.method === 'GET')
      return c.redirect(`/sign-in?to=${encodeURIComponent(c.req.path)}`);
    if (problem.status === 401)
      return signInForm(c, 'Nothing was done. Sign in, then send it again.', c.req.path);
    return problemPage(c, problem);
  });
  return app;
}

export function problemPage(c: Context<Env>, problem: Problem): Promise<Response> {
  const { title, detail } = problemBody(problem);
  const body = html`<h1>${title}</h1><p class="alert">${detail}</p><p><a href="/">Challenges</a></p>`;
  return page(c, { title, body, status: problem.status });
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
