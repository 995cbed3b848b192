/** The thread that has the database open: a write waits here for the disk, not where requests are answered. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { workerData } from 'piscina';

export interface Query {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const { path, journal } = workerData as { path: string; journal: 'wal' | 'delete' };
const database = new DatabaseSync(path);
database.exec(
  `pragma journal_mode = ${journal}; pragma synchronous = full; pragma foreign_keys = on; pragma busy_timeout = 5000`,
);

export default function query({ sql, parameters }: Query) {
  const statement = database.prepare(sql);
  const values = parameters as SQLInputValue[];
  if (statement.columns().length > 0) {
    return {
      results: statement.all(...values).map((row) => ({ ...row })),
      meta: { changes: 0, last_row_id: null },
    };
  }
  const { changes, lastInsertRowid } = statement.run(...values);
  return { results: [], meta: { changes: Number(changes), last_row_id: Number(lastInsertRowid) } };
}
