/** Efficiency figures of the cases of submissions. What a submitter claims and what an organiser measured stay apart. */
import type { Efficiency, EfficiencySample } from '@organseg/core/metrics/efficiency.ts';
import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

export type LogSource = 'claimed' | 'measured';

export interface EfficiencyLog {
  readonly name: string;
  readonly source: LogSource;
  readonly logKey: string;
  readonly figures: Efficiency;
  /** The run thinned out for a chart. */
  readonly curve: readonly EfficiencySample[];
}

/** Stores a case's log, or puts another of the same source in its place. */
export async function putLog(db: Kysely<Tables>, submissionId: string, log: EfficiencyLog): Promise<void> {
  const row = {
    log_key: log.logKey,
    figures_json: JSON.stringify(log.figures),
    curve_json: JSON.stringify(log.curve),
  };
  await db
    .insertInto('efficiency_logs')
    .values({ submission_id: submissionId, name: log.name, source: log.source, ...row })
    .onConflict((conflict) => conflict.columns(['submission_id', 'name', 'source']).doUpdateSet(row))
    .execute();
}

export async function listLogs(db: Kysely<Tables>, submissionId: string): Promise<EfficiencyLog[]> {
  const rows = await db
    .selectFrom('efficiency_logs')
    .selectAll()
    .where('submission_id', '=', submissionId)
    .orderBy('name')
    .execute();
  return rows.map((row) => ({
    name: row.name,
    source: row.source as LogSource,
    logKey: row.log_key,
    figures: JSON.parse(row.figures_json),
    curve: JSON.parse(row.curve_json),
  }));
}
