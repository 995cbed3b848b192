/** Keys: who may call, for which challenge, until when. */
import type { Kysely } from 'kysely';
import type { KeyRow, Tables } from './tables.ts';

/** owner: of the service. organiser: of one challenge. submitter: a team of one challenge. */
export type Role = 'owner' | 'organiser' | 'submitter';

export interface KeyRecord {
  readonly id: string;
  readonly secretHash: string;
  readonly role: Role;
  readonly challengeId: string | null;
  readonly team: string | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

/** Stores a key. Returns false, and does nothing, where there is one of this id. */
export async function insertKey(db: Kysely<Tables>, key: KeyRecord): Promise<boolean> {
  const row = await db
    .insertInto('keys')
    .values({
      id: key.id,
      secret_hash: key.secretHash,
      role: key.role,
      challenge_id: key.challengeId,
      team: key.team,
      created_at: key.createdAt,
      expires_at: key.expiresAt,
      revoked_at: key.revokedAt,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function findKey(db: Kysely<Tables>, id: string): Promise<KeyRecord | undefined> {
  const row = await db.selectFrom('keys').selectAll().where('id', '=', id).executeTakeFirst();
  return row && keyOf(row);
}

export async function hasOwner(db: Kysely<Tables>): Promise<boolean> {
  const row = await db.selectFrom('keys').select('id').where('role', '=', 'owner').executeTakeFirst();
  return row !== undefined;
}

/** The keys of a challenge, oldest first. */
export async function listKeys(db: Kysely<Tables>, challengeId: string): Promise<KeyRecord[]> {
  const rows = await db
    .selectFrom('keys')
    .selectAll()
    .where('challenge_id', '=', challengeId)
    .orderBy('created_at')
    .execute();
  return rows.map(keyOf);
}

/** Revokes a key; a second time changes nothing. Returns false where the challenge has no such key. */
export async function revokeKey(db: Kysely<Tables>, challengeId: string, id: string): Promise<boolean> {
  const row = await db
    .updateTable('keys')
    .set(({ fn, val, ref }) => ({
      revoked_at: fn.coalesce(ref('revoked_at'), val(new Date().toISOString())),
    }))
    .where('challenge_id', '=', challengeId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

const keyOf = (row: KeyRow): KeyRecord => ({
  id: row.id,
  secretHash: row.secret_hash,
  role: row.role as Role,
  challengeId: row.challenge_id,
  team: row.team,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
});
