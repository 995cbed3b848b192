/** The form with which an organiser changes a challenge. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { ChallengeChange } from '../../schema/challenge.ts';
import type { Env } from '../../services.ts';
import { listCases, updateChallenge } from '../../store/challenges.ts';
import { textForm } from '../../upload/textForm.ts';
import { type Html, page } from '../layout.ts';
import { challengeFields, changeableOf } from './challengeFields.ts';
import { alert, type Form, faultsOf, freshForm, typedTime } from './fields.ts';
import { organiserHead } from './frame.ts';
import { organFault, organLines, readOrgans } from './organLines.ts';
import { organsField } from './organsField.ts';

export const settingsPages = new Hono<Env>();

const NAMES = ['name', 'deadline', 'submissionsPerDay', 'organs'] as const;
/** The hidden field with what a field held when its form was made. */
const before = (name: string) => `before-${name}`;

settingsPages.get('/challenges/:challenge/settings', guard('organiser'), (c) => {
  const { name, deadline, submissionsPerDay, organs } = c.get('challenge');
  const values = {
    name,
    deadline: typedTime(deadline),
    submissionsPerDay: String(submissionsPerDay),
    organs: organLines(organs),
  };
  const known = NAMES.map((each) => [before(each), values[each]]);
  return form(c, freshForm({ ...values, ...Object.fromEntries(known) }));
});

settingsPages.post('/challenges/:challenge/settings', guard('organiser'), async (c) => {
  const values = await textForm(c);
  const text = values.get('organs') ?? '';
  const { organs, fault } = readOrgans(text);
  const typed = { ...changeableOf(values), organs };
  // What was left as it was is not set: another organiser may have changed it meanwhile.
  const changed = NAMES.filter((name) => values.get(name) !== values.get(before(name)));
  const parsed = ChallengeChange.safeParse(Object.fromEntries(changed.map((name) => [name, typed[name]])));
  const wrong = changed.includes('organs') ? fault : undefined;
  if (!parsed.success || wrong !== undefined) {
    const faults = parsed.success ? {} : faultsOf(parsed.error);
    const ofOrgans = wrong ?? (parsed.success ? undefined : organFault(text, parsed.error));
    const all = { ...faults, ...(ofOrgans !== undefined && { organs: ofOrgans }) };
    return form(c, { values, faults: all }, 'What is wrong is marked below.');
  }
  const { id, name } = c.get('challenge');
  if (!(await updateChallenge(c.get('services').db, id, parsed.data)))
    return form(c, { values, faults: {} }, `${name} has references now: its organs stay as they are.`);
  return c.redirect(`/challenges/${id}`, 303);
});

async function form(c: Context<Env>, filled: Form, wrong?: string) {
  const challenge = c.get('challenge');
  const isFilled = (await listCases(c.get('services').db, challenge.id)).length > 0;
  const fields = isFilled ? NAMES.filter((name) => name !== 'organs') : NAMES;
  const body = html`${organiserHead(challenge, '/settings')}
${wrong ? alert(html`<b>Nothing was changed.</b> ${wrong}`) : ''}
<form method="post" data-busy="Saving…">
${fields.map((name) => html`<input type="hidden" name="${before(name)}" value="${filled.values.get(before(name)) ?? ''}">`)}
${challengeFields(filled)}
${isFilled ? '' : organsField(filled, 'They can be changed until the first reference is uploaded.')}
<div class="actions"><button>Save</button></div>
</form>
<h2>What stays</h2>
<p>${isFilled ? 'Rules and organs stay' : 'Rules stay'} as they are: scores would no longer compare.</p>
<dl class="facts"><div><dt>Rules</dt><dd>${challenge.rules}</dd></div></dl>
${isFilled ? html`<details><summary>${challenge.organs.length} organs: label, name, tolerance in mm</summary><pre tabindex="0">${organLines(challenge.organs)}</pre></details>` : ''}
${c.get('key')!.role === 'owner' ? deletion(challenge.id) : ''}`;
  return page(c, { title: `Settings: ${challenge.name}`, body, status: wrong ? 422 : 200 });
}

const deletion = (id: string): Html => html`<h2>Delete it</h2>
<div class="actions"><a class="button second" href="/challenges/${id}/delete">Delete the challenge…</a></div>`;
