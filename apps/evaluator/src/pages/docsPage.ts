/** The description of the API as a page, made from the same document that `/openapi.json` serves. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Env } from '../services.ts';
import { type Html, page } from './layout.ts';
import { type Schema, typeText } from './typeText.ts';

interface Content {
  readonly [type: string]: { readonly schema?: Schema };
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas?: Readonly<Record<string, Schema>> };
}

export function docsPages(describe: () => object): Hono<Env> {
  return new Hono<Env>().get('/docs', (c) => {
    const { paths, components } = describe() as Description;
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    const body = html`<h1>API</h1>
<p>Send a key as <code>Authorization: Bearer KEY</code>. Whatever goes wrong is answered as
<code>application/problem+json</code> (RFC 9457), whose <code>detail</code> says in one line what is at fault. The same
description for machines: <a href="/openapi.json">openapi.json</a>.</p>
<ul>${routes.map(({ operation }) => html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>`)}</ul>
<h2>Routes</h2>
${routes.map(({ path, method, operation }) => route(path, method, operation))}
<h2>Types</h2>
${Object.entries(components.schemas ?? {}).map(
  ([name, schema]) => html`<h3 id="type-${name}">${name}</h3>
${schema.description ? html`<p>${schema.description}</p>` : ''}<pre tabindex="0">${typeText(schema)}</pre>`,
)}`;
    return page(c, { title: 'API', body });
  });
}

function route(path: string, method: string, operation: Operation): Html {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  return html`<section class="route" id="${operationId}"><h3><span>${summary}</span> <code><span class="verb">${method}</span> ${path}</code></h3>
${description.split('\n\n').map((paragraph) => html`<p>${paragraph}</p>`)}
${parameters
  .filter((parameter) => parameter.in === 'query')
  .map(({ name, schema }) => html`<p>Query <code>${name}</code>: <code>${typeText(schema)}</code></p>`)}
${requestBody ? content('Takes', requestBody.content) : ''}
${Object.entries(responses)
  .filter(([status]) => status !== 'default')
  .map(([status, answer]) => html`${content(`${status}: ${answer.description}`, answer.content ?? {})}`)}
</section>`;
}

function content(what: string, types: Content): Html {
  const names = Object.keys(types);
  const schemas = Object.values(types).flatMap(({ schema }) => schema ?? []);
  const isBytes = schemas.every(({ format, type }) => format === 'binary' || (type === 'string' && !format));
  return html`<p>${what}${names.length > 0 ? html` <span class="quiet">${names.join(', ')}</span>` : ''}</p>
${isBytes ? '' : html`<pre tabindex="0">${typeText(schemas[0])}</pre>`}`;
}
