/** The form with which an organiser changes a challenge. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { ChallengeChange } from '../../schema/challenge.ts';
import type { Env } from '../../services.ts';
import { updateChallenge } from '../../store/challenges.ts';
import { textForm } from '../../upload/textForm.ts';
import { page } from '../layout.ts';
import { challengeFields, changeableOf } from './challengeFields.ts';
import { alert, type Form, faultsOf, freshForm, typedTime } from './fields.ts';
import { organiserHead } from './frame.ts';
import { organLines } from './organLines.ts';

export const settingsPages = new Hono<Env>();

const NAMES = ['name', 'deadline', 'submissionsPerDay'] as const;
/** The hidden field with what a field held when its form was made. */
const before = (name: string) => `before-${name}`;

settingsPages.get('/challenges/:challenge/settings', guard('organiser'), (c) => {
  const { name, deadline, submissionsPerDay } = c.get('challenge');
  const values = { name, deadline: typedTime(deadline), submissionsPerDay: String(submissionsPerDay) };
  const known = NAMES.map((each) => [before(each), values[each]]);
  return form(c, freshForm({ ...values, ...Object.fromEntries(known) }));
});

settingsPages.post('/challenges/:challenge/settings', guard('organiser'), async (c) => {
  const values = await textForm(c);
  const typed = changeableOf(values);
  // What was left as it was is not set: another organiser may have changed it meanwhile.
  const changed = NAMES.filter((name) => values.get(name) !== values.get(before(name)));
  const parsed = ChallengeChange.safeParse(Object.fromEntries(changed.map((name) => [name, typed[name]])));
  if (!parsed.success) return form(c, { values, faults: faultsOf(parsed.error) });
  const { id } = c.get('challenge');
  await updateChallenge(c.get('services').db, id, parsed.data);
  return c.redirect(`/challenges/${id}`, 303);
});

function form(c: Context<Env>, filled: Form) {
  const challenge = c.get('challenge');
  const isWrong = Object.keys(filled.faults).length > 0;
  const body = html`${organiserHead(challenge, '/settings')}
${isWrong ? alert(html`<b>Nothing was changed.</b> What is wrong is marked below.`) : ''}
<form method="post" data-busy="Saving…">
${NAMES.map((name) => html`<input type="hidden" name="${before(name)}" value="${filled.values.get(before(name)) ?? ''}">`)}
${challengeFields(filled)}
<div class="actions"><button>Save</button></div>
</form>
<h2>What stays</h2>
<p>Rules and organs stay as they are: scores would no longer compare.</p>
<dl class="facts"><div><dt>Rules</dt><dd>${challenge.rules}</dd></div></dl>
<details><summary>${challenge.organs.length} organs: label, name, tolerance in mm</summary><pre tabindex="0">${organLines(challenge.organs)}</pre></details>`;
  return page(c, { title: `Settings: ${challenge.name}`, body, status: isWrong ? 422 : 200 });
}
