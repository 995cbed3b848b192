/** Node's own SQLite, in a thread of its own, for Kysely. */
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { Kysely } from 'kysely';
import { D1Dialect } from 'kysely-d1';
import { Piscina } from 'piscina';
import type { Tables } from '../store/tables.ts';

export interface Database {
  readonly db: Kysely<Tables>;
  close(): Promise<void>;
}

/**
 * Opens or creates the database. What is written is on disk before a query returns. The journal `wal` is the faster;
 * a network's file system takes `delete` alone.
 */
export function openSqlite(path: string, journal: 'wal' | 'delete' = 'wal'): Database {
  const thread = new Piscina({
    filename: fileURLToPath(new URL('./sqliteThread.ts', import.meta.url)),
    workerData: { path, journal },
    minThreads: 1,
    maxThreads: 1,
  });
  // It is spoken to as Cloudflare's D1 is, so that one dialect serves both.
  const prepare = (sql: string) => ({
    bind: (...parameters: unknown[]) => ({ all: () => thread.run({ sql, parameters }) }),
  });
  const database = { prepare } as unknown as ConstructorParameters<typeof D1Dialect>[0]['database'];
  return {
    db: new Kysely<Tables>({ dialect: new D1Dialect({ database }) }),
    close: () => thread.close(),
  };
}

/**
 * Takes a folder for this process alone, until it ends in whatever way. Returns what lets go of it; throws where
 * another process has it.
 */
export function lockFolder(path: string): () => void {
  const lock = new DatabaseSync(path);
  try {
    lock.exec('pragma journal_mode = delete; begin exclusive');
  } catch {
    lock.close();
    throw new Error(`${path}: another process uses this folder`);
  }
  return () => lock.close();
}
