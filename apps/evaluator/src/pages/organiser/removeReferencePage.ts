/** The page that asks whether a case and its reference are to be removed, and removes them. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { Problem } from '../../http/problem.ts';
import type { Env } from '../../services.ts';
import { findCase } from '../../store/challenges.ts';
import { removeReference } from '../../upload/receive.ts';
import { page } from '../layout.ts';
import { organiserHead } from './frame.ts';

export const removeReferencePages = new Hono<Env>();

const PATH = '/challenges/:challenge/references/:case/remove';

removeReferencePages.get(PATH, guard('organiser'), async (c) => {
  const challenge = c.get('challenge');
  const name = c.req.param('case');
  if (!(await findCase(c.get('services').db, challenge.id, name))) {
    throw new Problem(404, `${challenge.name} has no case ${name}`);
  }
  const body = html`${organiserHead(challenge, '/references')}
<h2>Remove the case ${name}?</h2>
<p>The service deletes its reference. Keep your own copy: no page gives it back.</p>
<form method="post" data-busy="Removing…">
<div class="actions"><button class="danger">Remove it</button> <a class="button second" href="/challenges/${challenge.id}/references">Keep it</a></div>
</form>`;
  return page(c, { title: `Remove the case ${name}?`, body });
});

removeReferencePages.post(PATH, guard('organiser'), async (c) => {
  const challenge = c.get('challenge');
  await removeReference(c.get('services'), challenge, c.req.param('case'));
  return c.redirect(`/challenges/${challenge.id}/references`, 303);
});
