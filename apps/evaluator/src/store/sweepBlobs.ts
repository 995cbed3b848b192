/** The sweep of blobs that requests and processes left behind. */
import type { Kysely } from 'kysely';
import { BLOB_FOLDERS, type Blobs } from './blobs.ts';
import type { Tables } from './tables.ts';

/** An upload in progress is younger than this; what no record names after it was left by something that died. */
const KEPT_MS = 24 * 3600_000;

/** Deletes the blobs that no record names and that are older than `keptMs`. */
export async function sweepBlobs(db: Kysely<Tables>, blobs: Blobs, keptMs = KEPT_MS): Promise<void> {
  const before = Date.now() - keptMs;
  for (const folder of BLOB_FOLDERS) {
    const used = await usedKeys(db);
    const unused: string[] = [];
    for await (const { key, storedAt } of blobs.list(folder)) {
      if (!used.has(key) && storedAt.getTime() <= before) unused.push(key);
    }
    await blobs.delete(unused);
  }
}

async function usedKeys(db: Kysely<Tables>): Promise<Set<string>> {
  const rows = await db
    .selectFrom('cases')
    .select('reference_key as key')
    .unionAll(db.selectFrom('submission_cases').select('mask_key as key'))
    .unionAll(db.selectFrom('efficiency_logs').select('log_key as key'))
    .execute();
  return new Set(rows.map(({ key }) => key));
}
