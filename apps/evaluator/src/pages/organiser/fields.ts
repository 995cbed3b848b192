/** Forms of the organisers' pages: each field keeps what was typed, with what is wrong beside it. */
import type { z } from '@hono/zod-openapi';
import { html } from 'hono/html';
import type { Html } from '../layout.ts';

export interface Form {
  /** What was typed, or what a fresh form begins with, by the fields' names. */
  readonly values: URLSearchParams;
  /** What is wrong, by the fields' names. */
  readonly faults: Readonly<Record<string, string>>;
}

export const freshForm = (values: Record<string, string>): Form => ({
  values: new URLSearchParams(values),
  faults: {},
});

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string | Html;
  /** The element's id, where the name alone is not unique on its page. */
  readonly id?: string;
}

/** A field: `control` makes its element of the attributes that tie it to its label, and of its value. */
export function field(
  { values, faults }: Form,
  { name, label, hint, id = name }: Field,
  control: (attributes: Html, value: string) => Html,
): Html {
  const fault = faults[name];
  const describedBy = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ');
  const isFirst = Object.keys(faults)[0] === name;
  const attributes = html`id="${id}" name="${name}"${describedBy ? html` aria-describedby="${describedBy}"` : ''}${
    fault ? html` aria-invalid="true"` : ''
  }${isFirst ? html` autofocus` : ''}`;
  return html`<label for="${id}">${label}</label>
${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : ''}
${fault ? html`<p class="fault" id="${id}-fault">${fault}</p>` : ''}
${control(attributes, values.get(name) ?? '')}`;
}

/** A field for a time in UTC, which may be left empty. */
export const timeField = (form: Form, asked: Field): Html =>
  field(
    form,
    asked,
    (attributes, value) => html`<input type="datetime-local" step="any" ${attributes} value="${value}">`,
  );

/** What a field for a time holds, as the API's schemas take it. */
export function timeOf(values: URLSearchParams, name: string): string | null {
  const text = values.get(name)?.trim() ?? '';
  if (text === '') return null;
  return /T\d\d:\d\d$/.test(text) ? `${text}:00Z` : `${text}Z`;
}

/** A time of the API as a field shows it. */
export const typedTime = (time: string | null): string => time?.replace(/(:00)?(\.000)?Z$/, '') ?? '';

/** What a schema found wrong, by the names of the fields; the first fault of each. */
export function faultsOf(error: z.core.$ZodError): Record<string, string> {
  const faults: Record<string, string> = {};
  for (const { path, message } of error.issues) faults[String(path[0])] ??= message;
  return faults;
}

/** What a form says above its fields where something is wrong. */
export const alert = (text: Html | string): Html => html`<p class="alert" role="alert">${text}</p>`;
