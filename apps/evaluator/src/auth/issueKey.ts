/** Issuing a key of a challenge. */
import type { z } from '@hono/zod-openapi';
import type { Kysely } from 'kysely';
import type { NewKey } from '../schema/challenge.ts';
import { insertKey, type KeyRecord } from '../store/keys.ts';
import type { Tables } from '../store/tables.ts';
import { makeKey, newKeyId } from './secret.ts';

/**
 * Makes and stores a key for a team or an organiser of a challenge. Returns the key as its holder gets to see it, this
 * once, and what is stored of it; undefined, and does nothing, where there is a key of this id.
 */
export async function issueKey(
  db: Kysely<Tables>,
  challengeId: string,
  asked: z.output<typeof NewKey>,
  id = newKeyId(),
): Promise<{ key: string; record: KeyRecord } | undefined> {
  const { role, expiresAt } = asked;
  const team = asked.role === 'submitter' ? asked.team : null;
  const made = await makeKey({ role, challengeId, team, expiresAt }, id);
  return (await insertKey(db, made.record)) ? made : undefined;
}
