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

/**
 * Stores a case's log, or puts another of the same source in its place. Returns false, and does nothing, where the
 * submission is gone, or complete and the log a claim.
 */
export async function putLog(db: Kysely<Tables>, submissionId: string, log: EfficiencyLog): Promise<boolean> {
  const row = {
    log_key: log.logKey,
    figures_json: JSON.stringify(log.figures),
    curve_json: JSON.stringify(log.curve),
  };
  const stored = await db
    .insertInto('efficiency_logs')
    .columns(['submission_id', 'name', 'source', 'log_key', 'figures_json', 'curve_json'])
    .expression(
      db
        .selectFrom('submissions')
        .select((build) => [
          'submissions.id as submission_id',
          build.val(log.name).as('name'),
          build.val(log.source).as('source'),
          build.val(row.log_key).as('log_key'),
          build.val(row.figures_json).as('figures_json'),
          build.val(row.curve_json).as('curve_json'),
        ])
        .where('submissions.id', '=', submissionId)
        .$if(log.source === 'claimed', (query) => query.where('completed_at', 'is', null)),
    )
    .onConflict((conflict) => conflict.columns(['submission_id', 'name', 'source']).doUpdateSet(row))
    .returning('name')
    .executeTakeFirst();
  return stored !== undefined;
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
