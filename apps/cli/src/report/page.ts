/** The frame of a page that is one file and needs nothing else. */
import { html, raw } from 'hono/html';
import type { Html } from './input.ts';
import { STYLE } from './style.ts';

/** The browser itself makes sure that the page loads nothing and runs nothing. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** When a page is made, to the minute. */
export const madeNow = (): string => `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** What stands under pictures of patients. */
export const RESEARCH_ALONE = html`<p>This is a report on research software. It is no medical device, and no picture here is for diagnosis.</p>`;

export interface Page {
  readonly title: string;
  /** Line under the title, in small: when, where and on what it was made. */
  readonly made: Html;
  readonly lead: string;
  readonly main: Html;
}

/** The whole page. */
export async function pageHtml({ title, made, lead, main }: Page): Promise<string> {
  const page = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="quiet">${made}</p>
<p class="lead">${lead}</p>
</header>
<main>
${main}
</main>
</body>
</html>
`;
  return page.toString();
}
