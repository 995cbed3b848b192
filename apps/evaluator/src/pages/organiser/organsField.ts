/** The field of a challenge's organs. */
import { html } from 'hono/html';
import type { Html } from '../layout.ts';
import { type Form, field } from './fields.ts';

/** `about` ends the hint. */
export const organsField = (form: Form, about = ''): Html =>
  field(
    form,
    {
      name: 'organs',
      label: 'Organs',
      hint: html`A line for each: its label in the masks, its name, NSD’s tolerance in mm and, where the rules flare22
compare it only on slices that the reference labels, the word <code>tube</code>. ${about}`,
    },
    // A line break after the tag is no part of the text.
    (attributes, value) => html`<textarea ${attributes} rows="14" required spellcheck="false">
${value}</textarea>`,
  );
