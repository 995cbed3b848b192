/** The page that asks whether a key is to be revoked, and revokes it. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { Problem } from '../../http/problem.ts';
import type { Env } from '../../services.ts';
import { type KeyRecord, listKeys, revokeKey } from '../../store/keys.ts';
import { page, time } from '../layout.ts';
import { organiserHead } from './frame.ts';
import { holder } from './keysPage.ts';

export const revokeKeyPages = new Hono<Env>();

const PATH = '/challenges/:challenge/keys/:key/revoke';

revokeKeyPages.get(PATH, guard('organiser'), async (c) => {
  const challenge = c.get('challenge');
  const key = await keyOf(c);
  const keys = `/challenges/${challenge.id}/keys`;
  const isOwn = key.id === c.get('key')!.id;
  const question = html`<p>${holder(key)}, issued ${time(key.createdAt)}, <code>ose_${key.id}</code>. Whoever holds it can do nothing with
it from then on, and it cannot be made valid again. What was submitted with it stays.</p>
${isOwn ? html`<p class="alert"><b>It is the key that you are signed in with.</b> You will be signed out.</p>` : ''}
<form method="post" data-busy="Revoking…">
<div class="actions"><button class="danger">Revoke it</button> <a class="button second" href="${keys}">Keep it</a></div>
</form>`;
  const body = html`${organiserHead(challenge, '/keys')}
<h2>Revoke the key of ${holder(key)}?</h2>
${key.revokedAt === null ? question : html`<p>It was revoked ${time(key.revokedAt)}. <a href="${keys}">All keys</a></p>`}`;
  return page(c, { title: `Revoke the key of ${holder(key)}?`, body });
});

revokeKeyPages.post(PATH, guard('organiser'), async (c) => {
  const challenge = c.get('challenge');
  const { id } = await keyOf(c);
  await revokeKey(c.get('services').db, challenge.id, id);
  return c.redirect(`/challenges/${challenge.id}/keys`, 303);
});

/** The key that the path names. Throws Problem 404 where the challenge has no such key. */
async function keyOf(c: Context<Env>): Promise<KeyRecord> {
  const id = c.req.param('key')!;
  const found = (await listKeys(c.get('services').db, c.get('challenge').id)).find((key) => key.id === id);
  if (!found) throw new Problem(404, `there is no key ${id}`);
  return found;
}
