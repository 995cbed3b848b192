/** The frame of every page. */
import type { Context } from 'hono';
import { html } from 'hono/html';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Env } from '../services.ts';

export type Html = ReturnType<typeof html>;

export interface Page {
  readonly title: string;
  readonly body: Html | Html[];
  readonly status?: ContentfulStatusCode;
  /** More of the document's head. */
  readonly head?: Html;
}

export async function page(c: Context<Env>, { title, body, status = 200, head }: Page): Promise<Response> {
  const key = c.get('key');
  // What a key shows is not for whoever uses the browser after its holder signed out.
  if (key) c.header('cache-control', 'no-store');
  const who = key && (key.team ?? (key.role === 'owner' ? 'owner' : 'organiser'));
  return c.html(
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · organseg</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<script src="/live.js" defer></script>
${head}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
<a class="brand" href="/">organseg <span>evaluator</span></a>
<nav aria-label="Site">
<a href="/docs">API</a>
${
  who
    ? html`<form method="post" action="/sign-out"><span class="who">${who}</span> <button class="plain">Sign out</button></form>`
    : html`<a href="/sign-in?to=${encodeURIComponent(c.req.path)}">Sign in</a>`
}
</nav>
</header>
<main id="main" tabindex="-1">
${body}
</main>
<footer>DSC, NSD and efficiency by FLARE22’s rules. Research software, not a medical device.</footer>
</body>
</html>
`,
    status,
  );
}

/** A table that scrolls by itself where the screen is narrow, with the keyboard too. */
export const scrolling = (label: string, table: Html): Html =>
  html`<div class="wide" role="region" aria-label="${label}" tabindex="0">${table}</div>`;

/** A time as people read it; the machine's form beside it. */
export const time = (iso: string): Html =>
  html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;

/** A case's name, which a narrow column may break where a person would. */
export const caseName = (name: string): Html[] => name.split(/(?<=[_.-])/).map((part) => html`${part}<wbr>`);
