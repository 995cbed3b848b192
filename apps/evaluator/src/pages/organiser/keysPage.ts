/** The keys of a challenge: a list of them, and forms that issue one, which is shown once. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { guard } from '../../auth/access.ts';
import { issueKey } from '../../auth/issueKey.ts';
import { newKeyId } from '../../auth/secret.ts';
import { Problem } from '../../http/problem.ts';
import { NewKey } from '../../schema/challenge.ts';
import type { Env } from '../../services.ts';
import { type KeyRecord, listKeys } from '../../store/keys.ts';
import { textForm } from '../../upload/textForm.ts';
import { type Html, page, scrolling, time } from '../layout.ts';
import { alert, type Form, faultsOf, field, freshForm, timeField, timeOf } from './fields.ts';
import { organiserHead } from './frame.ts';

export const keysPages = new Hono<Env>();

keysPages.get('/challenges/:challenge/keys', guard('organiser'), (c) => keys(c));

keysPages.post('/challenges/:challenge/keys', guard('organiser'), async (c) => {
  const { db } = c.get('services');
  const values = await textForm(c);
  const id = values.get('id') ?? '';
  if (!/^[0-9a-f]{16}$/.test(id)) throw new Problem(422, 'the form is not complete; open its page afresh');
  const role = values.get('role');
  const parsed = NewKey.safeParse({
    role,
    expiresAt: timeOf(values, 'expiresAt'),
    ...(role === 'submitter' && { team: values.get('team') }),
  });
  if (!parsed.success) {
    const nothing = html`<b>No key was issued.</b> What is wrong is marked below.`;
    return keys(c, { values, faults: faultsOf(parsed.error) }, nothing, 422);
  }
  const issued = await issueKey(db, c.get('challenge').id, parsed.data, id);
  if (issued) return shownOnce(c, issued.key, issued.record);
  const again = html`<b>No key was issued now.</b> This form was sent before: its key was issued then, and shown that once.
If it is lost, revoke it. Send the form again to issue another.`;
  return keys(c, { values, faults: {} }, again, 409);
});

/** Whom a key is for. */
export const holder = ({ team }: KeyRecord): string => team ?? 'an organiser';

function shownOnce(c: Context<Env>, key: string, record: KeyRecord) {
  const challenge = c.get('challenge');
  const body = html`${organiserHead(challenge, '/keys')}
<h2>The key of ${holder(record)}</h2>
<p>It is shown this once: the service keeps no copy. Send it to its holder over a private channel.
${record.expiresAt === null ? 'It does not expire.' : html`It expires at ${time(record.expiresAt)}.`}</p>
<label for="secret">Key</label>
<textarea id="secret" class="secret" readonly rows="3" autocomplete="off" spellcheck="false">
${key}</textarea>
<p>Its holder signs in with it, or sends it as <code>Authorization: Bearer KEY</code>.</p>
<div class="actions"><a class="button" href="/challenges/${challenge.id}/keys">All keys</a></div>`;
  return page(c, { title: `The key of ${holder(record)}`, body });
}

const EMPTY = freshForm({});

async function keys(c: Context<Env>, filled: Form = EMPTY, wrong?: Html, status: 200 | 409 | 422 = 200) {
  const challenge = c.get('challenge');
  const found = await listKeys(c.get('services').db, challenge.id);
  const of = (role: string) => (filled.values.get('role') === role ? filled : EMPTY);
  const [team, organiser] = [of('submitter'), of('organiser')];
  const body = html`${organiserHead(challenge, '/keys')}
${wrong ? alert(wrong) : ''}
<h2>Issue a key to a team</h2>
<form method="post" data-busy="Issuing…">
${hidden('submitter')}
${field(
  team,
  { name: 'team', label: 'Team', hint: 'As leaderboards show it. Keys of one name are of one team.' },
  (attributes, value) =>
    html`<input ${attributes} value="${value}" required maxlength="60" autocomplete="off">`,
)}
${timeField(team, { name: 'expiresAt', label: 'Expires, UTC', hint: NEVER })}
<div class="actions"><button>Issue key</button></div>
</form>
<details${organiser === EMPTY ? '' : html` open`}><summary>Issue a key to another organiser</summary>
<form method="post" data-busy="Issuing…">
${hidden('organiser')}
<p>An organiser may do all that you may do with this challenge.</p>
${timeField(organiser, { name: 'expiresAt', label: 'Expires, UTC', hint: NEVER, id: 'organiserExpiresAt' })}
<div class="actions"><button>Issue organiser’s key</button></div>
</form></details>
<h2>Keys</h2>
${found.length === 0 ? html`<p>None yet.</p>` : table(c, found)}`;
  return page(c, { title: `Keys: ${challenge.name}`, body, status });
}

const NEVER = 'Leave it empty for never.';

/** Each form carries the id of the key to come, so that one that is sent twice issues one key. */
const hidden = (role: string): Html => html`<input type="hidden" name="role" value="${role}">
<input type="hidden" name="id" value="${newKeyId()}">`;

function table(c: Context<Env>, found: readonly KeyRecord[]): Html {
  const own = c.get('key')!.id;
  const now = new Date().toISOString();
  const rows = found.map((key) => {
    const isOver = key.expiresAt !== null && key.expiresAt <= now;
    const state = key.revokedAt !== null ? 'revoked' : isOver ? 'expired' : 'valid';
    const revoke = html`<a href="/challenges/${c.get('challenge').id}/keys/${key.id}/revoke" aria-label="Revoke ${key.id}">Revoke</a>`;
    return html`<tr><th scope="row" class="name">${key.team ?? html`<i>organiser</i>`}${key.id === own ? html` <span class="tag">yours</span>` : ''}</th>
<td class="name"><span class="tag${state === 'valid' ? ' good' : ''}">${state}</span></td><td class="name">${state === 'valid' ? revoke : ''}</td>
<td class="name">${key.expiresAt === null ? 'never' : time(key.expiresAt)}</td><td class="name">${time(key.createdAt)}</td><td class="name"><code>${key.id}</code></td></tr>`;
  });
  return scrolling(
    'Keys',
    html`<table class="pinned"><thead><tr><th scope="col" class="name">Holder</th><th scope="col" class="name">State</th><th scope="col" class="name">Change</th>
<th scope="col" class="name">Expires</th><th scope="col" class="name">Issued</th><th scope="col" class="name">Begins with ose_</th></tr></thead><tbody>${rows}</tbody></table>`,
  );
}
