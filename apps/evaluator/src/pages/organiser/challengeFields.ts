/** The fields of a challenge that can be changed after it was created. */
import { html } from 'hono/html';
import type { Html } from '../layout.ts';
import { type Form, field, timeField, timeOf } from './fields.ts';

export function challengeFields(form: Form): Html {
  const name = field(
    form,
    { name: 'name', label: 'Name' },
    (attributes, value) =>
      html`<input ${attributes} value="${value}" required maxlength="100" autocomplete="off">`,
  );
  const deadline = timeField(form, {
    name: 'deadline',
    label: 'Deadline, UTC',
    hint: 'Submissions are taken until then. Leave it empty for no end.',
  });
  const submissionsPerDay = field(
    form,
    { name: 'submissionsPerDay', label: 'Submissions a day', hint: 'Of one team, by UTC days; 1 to 1000.' },
    (attributes, value) =>
      html`<input type="number" ${attributes} value="${value}" required min="1" max="1000" inputmode="numeric">`,
  );
  return html`${name}${deadline}${submissionsPerDay}`;
}

/** What the fields hold, as the API's schemas take it. */
export const changeableOf = (values: URLSearchParams) => ({
  name: values.get('name') ?? '',
  deadline: timeOf(values, 'deadline'),
  submissionsPerDay: Number(values.get('submissionsPerDay') || Number.NaN),
});
