/** Node's own SQLite for Kysely. */
import { DatabaseSync } from 'node:sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import type { Tables } from '../store/tables.ts';

/**
 * Opens or creates the database. What is written is on disk before a query returns. The journal `wal` is the faster;
 * a network's file system takes `delete` alone.
 */
export function openSqlite(path: string, journal: 'wal' | 'delete' = 'wal'): Kysely<Tables> {
  const database = new DatabaseSync(path);
  database.exec(
    `pragma journal_mode = ${journal}; pragma synchronous = full; pragma foreign_keys = on; pragma busy_timeout = 5000`,
  );
  return new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        close: () => database.close(),
        prepare(sql) {
          const statement = database.prepare(sql);
          type Values = Parameters<typeof statement.all>;
          return {
            reader: statement.columns().length > 0,
            all: (values) => statement.all(...(values as Values)),
            run: (values) => statement.run(...(values as Values)),
            iterate: (values) => statement.iterate(...(values as Values)) as IterableIterator<unknown>,
          };
        },
      },
    }),
  });
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
