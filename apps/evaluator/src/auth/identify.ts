/** Finds out whose key a request carries, and holds callers to their number of requests. */
import type { MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import { Problem } from '../http/problem.ts';
import type { Env } from '../services.ts';
import { findKey, type KeyRecord } from '../store/keys.ts';
import { isSameHash, readKey } from './secret.ts';

/** The cookie of a browser that signed in. It counts for reading, and for this site's own forms. */
export const KEY_COOKIE = 'organseg_key';

export const identify: MiddlewareHandler<Env> = async (c, next) => {
  const { db, rateLimit, addressOf } = c.get('services');
  const authorization = c.req.header('authorization');
  const bearer = authorization?.match(/^Bearer +(\S+) *$/i)?.[1];
  const isPage = !c.req.path.startsWith('/v1/');
  const cookie = isPage || c.req.method === 'GET' ? getCookie(c, KEY_COOKIE) : undefined;
  const presented = authorization === undefined ? cookie : (bearer ?? '');
  const key = presented === undefined ? null : await keyOf(presented, db);

  const wait = await rateLimit.take(key ? `key ${key.id}` : `address ${addressOf(c)}`);
  if (wait > 0) {
    throw new Problem(429, `too many requests; try again in ${wait} s`, { 'retry-after': String(wait) });
  }
  // A browser's old cookie is as good as none; a bearer token that does not count is told so.
  if (authorization !== undefined && !key) {
    throw new Problem(401, 'the key is unknown, revoked or expired', CHALLENGE);
  }
  c.set('key', key);
  await next();
};

export const CHALLENGE = { 'www-authenticate': 'Bearer' };

/** The record of a presented key; null where it is unknown, revoked or expired. */
export async function keyOf(
  presented: string,
  db: Env['Variables']['services']['db'],
): Promise<KeyRecord | null> {
  const read = await readKey(presented);
  const record = read && (await findKey(db, read.id));
  if (!read || !record || !isSameHash(read.secretHash, record.secretHash)) return null;
  const isOver = record.expiresAt !== null && record.expiresAt <= new Date().toISOString();
  return record.revokedAt !== null || isOver ? null : record;
}
