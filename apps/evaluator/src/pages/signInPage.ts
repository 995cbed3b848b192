/** Signing in with a key, which a cookie then keeps, and signing out. */
import { type Context, Hono } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import { KEY_COOKIE, keyOf } from '../auth/identify.ts';
import type { Env } from '../services.ts';
import { textForm } from '../upload/textForm.ts';
import { page } from './layout.ts';

export const signInPages = new Hono<Env>();

const HOURS = 12;

signInPages.get('/sign-in', (c) => form(c));

signInPages.post('/sign-in', async (c) => {
  const values = await textForm(c);
  const text = values.get('key')?.trim() ?? '';
  const key = await keyOf(text, c.get('services').db);
  if (!key) return form(c, 'This key is unknown, revoked or expired.', values.get('to') ?? undefined);
  const isSecure = (c.req.header('x-forwarded-proto') ?? new URL(c.req.url).protocol).startsWith('https');
  setCookie(c, KEY_COOKIE, text, {
    httpOnly: true,
    sameSite: 'Strict',
    secure: isSecure,
    path: '/',
    maxAge: HOURS * 3600,
  });
  const home = key.challengeId === null ? '/' : `/challenges/${key.challengeId}`;
  return c.redirect(localPath(values.get('to')) ?? home, 303);
});

signInPages.post('/sign-out', (c) => {
  deleteCookie(c, KEY_COOKIE, { path: '/' });
  return c.redirect('/', 303);
});

/** The form, which leads to a path of this site afterwards. */
export function form(c: Context<Env>, fault?: string, after = c.req.query('to')): Promise<Response> {
  const to = localPath(after) ?? '';
  const body = html`<h1>Sign in</h1>
<p>With the key that the organiser of your challenge gave you. A cookie keeps it for ${HOURS} hours in this browser.</p>
${fault ? html`<p class="alert" role="alert" id="fault">${fault}</p>` : ''}
<form method="post" action="/sign-in">
<input type="hidden" name="to" value="${to}">
<label for="key">Key</label>
<input type="password" id="key" name="key" required autocomplete="current-password" spellcheck="false" placeholder="ose_…"${fault ? html` aria-describedby="fault" aria-invalid="true"` : ''}>
<div class="actions"><button>Sign in</button></div>
</form>`;
  return page(c, { title: 'Sign in', body, status: fault ? 401 : 200 });
}

/** A path of this site; undefined for anything that leads elsewhere. */
function localPath(to: string | null | undefined): string | undefined {
  return to && /^\/(?![/\\])[^\s\\]*$/.test(to) && to !== '/' ? to : undefined;
}
