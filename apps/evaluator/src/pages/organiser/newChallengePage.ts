/** The form with which the service's owner creates a challenge. */
import { z } from '@hono/zod-openapi';
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { Problem } from '../../http/problem.ts';
import { NewChallenge, Rules } from '../../schema/challenge.ts';
import type { Env } from '../../services.ts';
import { findChallenge, insertChallenge } from '../../store/challenges.ts';
import { textForm } from '../../upload/textForm.ts';
import { page } from '../layout.ts';
import { challengeFields, changeableOf } from './challengeFields.ts';
import { alert, type Form, faultsOf, field, freshForm } from './fields.ts';
import { organFault, organLines, readOrgans } from './organLines.ts';
import { organsField } from './organsField.ts';

export const newChallengePages = new Hono<Env>();

newChallengePages.get('/new-challenge', guard('owner'), (c) => {
  const { organs, rules, submissionsPerDay } = NewChallenge.parse({ name: 'with what is assumed' });
  const values = { organs: organLines(organs), rules, submissionsPerDay: String(submissionsPerDay) };
  return form(c, freshForm(values));
});

newChallengePages.post('/new-challenge', guard('owner'), async (c) => {
  const { db } = c.get('services');
  const values = await textForm(c);
  const text = values.get('organs') ?? '';
  const { organs, fault } = readOrgans(text);
  const parsed = NewChallenge.safeParse({ ...changeableOf(values), rules: values.get('rules'), organs });
  if (!parsed.success || fault !== undefined) {
    const faults = parsed.success ? {} : faultsOf(parsed.error);
    const wrong = fault ?? (parsed.success ? undefined : organFault(text, parsed.error));
    const all = { ...faults, ...(wrong !== undefined && { organs: wrong }) };
    return form(c, { values, faults: all }, html`<b>Nothing was created.</b> What is wrong is marked below.`);
  }
  const id = values.get('id') ?? '';
  if (!z.uuid().safeParse(id).success)
    throw new Problem(422, 'the form is not complete; open its page afresh');
  const made = await insertChallenge(db, parsed.data, id);
  if (made) return c.redirect(`/challenges/${made.id}/references`, 303);
  const before = (await findChallenge(db, id))!;
  const again = html`<b>Nothing was created now.</b> This form was sent before, which created
<a href="/challenges/${id}">${before.name}</a>. Send it again to create another.`;
  return form(c, { values, faults: {} }, again, 409);
});

/** Each form carries the id of the challenge to come, so that one that is sent twice creates one challenge. */
function form(
  c: Context<Env>,
  filled: Form,
  wrong?: ReturnType<typeof html>,
  status: 200 | 409 | 422 = wrong ? 422 : 200,
) {
  const rules = field(
    filled,
    {
      name: 'rules',
      label: 'Rules',
      hint: 'flare22 compares as the challenge’s official evaluation does; plain does without its exceptions.',
    },
    (attributes, value) =>
      html`<select ${attributes}>${Rules.options.map((name) => html`<option${name === value ? html` selected` : ''}>${name}</option>`)}</select>`,
  );
  const organs = organsField(filled, 'These are FLARE22’s.');
  const body = html`<h1>New challenge</h1>
${wrong ? alert(wrong) : ''}
<form method="post" data-busy="Creating…">
<input type="hidden" name="id" value="${crypto.randomUUID()}">
${challengeFields(filled)}
<p class="quiet">Rules stay as they are from here on, and organs from the first reference on: scores would no longer compare.</p>
${rules}${organs}
<div class="actions"><button>Create challenge</button></div>
</form>`;
  return page(c, { title: 'New challenge', body, status });
}
