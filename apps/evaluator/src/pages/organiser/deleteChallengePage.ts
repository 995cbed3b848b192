/** The page that asks whether a challenge is to be deleted, and deletes it where its name is typed. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { Problem, problemOf } from '../../http/problem.ts';
import { ChallengeDeletion } from '../../schema/challenge.ts';
import type { Env } from '../../services.ts';
import { listCases } from '../../store/challenges.ts';
import { listKeys } from '../../store/keys.ts';
import { listSubmissions } from '../../store/submissions.ts';
import { removeChallenge, submissionsOf } from '../../submission/removeChallenge.ts';
import { textForm } from '../../upload/textForm.ts';
import { type Html, page } from '../layout.ts';
import { alert, type Form, field, freshForm } from './fields.ts';
import { organiserHead } from './frame.ts';

export const deleteChallengePages = new Hono<Env>();

const PATH = '/challenges/:challenge/delete';

deleteChallengePages.get(PATH, guard('owner'), (c) => form(c, freshForm({})));

deleteChallengePages.post(PATH, guard('owner'), async (c) => {
  const values = await textForm(c);
  const challenge = c.get('challenge');
  const { name } = challenge;
  if (asShown(values.get('name') ?? '') !== asShown(name)) {
    const faults = { name: `expected ${name}` };
    return form(c, { values, faults }, html`<b>Nothing was deleted.</b> What is wrong is marked below.`);
  }
  const asked = ChallengeDeletion.safeParse({ name, submissions: values.get('submissions') });
  if (!asked.success) throw new Problem(422, 'the form is not complete; open its page afresh');
  try {
    await removeChallenge(c.get('services'), challenge, asked.data);
  } catch (error) {
    const { status, message } = problemOf(error);
    if (status !== 409) throw error;
    return form(c, { values, faults: {} }, html`<b>Look again.</b> ${message}.`, 409);
  }
  return c.redirect('/', 303);
});

/** A name as a page shows it and a person types it. */
const asShown = (name: string) => name.trim().replaceAll(/\s+/g, ' ');

/** The form carries the number of submissions that it shows, so that none is deleted that nobody was told of. */
async function form(
  c: Context<Env>,
  filled: Form,
  wrong?: Html,
  status: 200 | 409 | 422 = wrong ? 422 : 200,
) {
  const { db } = c.get('services');
  const challenge = c.get('challenge');
  const { id, name } = challenge;
  const submissions = await listSubmissions(db, id);
  const { size: teams } = new Set(submissions.map(({ team }) => team));
  const { length: cases } = await listCases(db, id);
  const { length: keys } = await listKeys(db, id);
  const lost = [
    cases === 1 ? '1 reference' : `${cases} references`,
    keys === 1 ? '1 key' : `${keys} keys`,
    `${submissionsOf(submissions.length)}${teams > 0 ? ` of ${teams === 1 ? '1 team' : `${teams} teams`}, with masks, scores and ranks` : ''}`,
  ];
  const results = `/v1/challenges/${id}/results`;
  const body = html`${organiserHead(challenge, '/settings')}
<h2>Delete ${name}?</h2>
${wrong ? alert(wrong) : ''}
<p>What is deleted with it, and cannot be brought back:</p>
<ul class="prose">${lost.map((each) => html`<li>${each}</li>`)}</ul>
${submissions.length > 0 ? html`<p>Download all results first: <a href="${results}.csv">CSV</a>, <a href="${results}">JSON</a>. To end a challenge and keep its leaderboard, set its deadline instead.</p>` : ''}
<form method="post" data-busy="Deleting…">
<input type="hidden" name="submissions" value="${submissions.length}">
${field(
  filled,
  { name: 'name', label: 'Its name', hint: html`Type <b>${name}</b> to delete it.` },
  (attributes, value) => html`<input ${attributes} value="${value}" required autocomplete="off">`,
)}
<div class="actions"><button class="danger">Delete it</button> <a class="button second" href="/challenges/${id}/settings">Keep it</a></div>
</form>`;
  return page(c, { title: `Delete ${name}?`, body, status });
}
