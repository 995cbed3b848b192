/** What rankings and lists need of all of a challenge's submissions, in few queries. */
import type { Efficiency } from '@organseg/core/metrics/efficiency.ts';
import { type Kysely, sql } from 'kysely';
import type { LogSource } from './efficiencyLogs.ts';
import type { SubmissionCase } from './submissions.ts';
import type { Tables } from './tables.ts';

export interface CaseResult {
  readonly submissionId: string;
  readonly name: string;
  readonly state: SubmissionCase['state'];
  /** The mean DSC and NSD over the organs; null unless the case is scored. */
  readonly dsc: number | null;
  readonly nsd: number | null;
  readonly error: string | null;
}

/** The cases whose mask was received. */
export async function caseResults(db: Kysely<Tables>, challengeId: string): Promise<CaseResult[]> {
  return db
    .selectFrom('submission_cases')
    .innerJoin('submissions', 'submissions.id', 'submission_cases.submission_id')
    .select([
      'submission_cases.submission_id as submissionId',
      'submission_cases.name as name',
      'submission_cases.error as error',
      sql<SubmissionCase['state']>`submission_cases.state`.as('state'),
      sql<number | null>`json_extract(scores_json, '$.mean.dsc')`.as('dsc'),
      sql<number | null>`json_extract(scores_json, '$.mean.nsd')`.as('nsd'),
    ])
    .where('submissions.challenge_id', '=', challengeId)
    .execute();
}

export interface CaseFigures {
  readonly submissionId: string;
  readonly name: string;
  readonly figures: Efficiency;
}

export async function caseFigures(
  db: Kysely<Tables>,
  challengeId: string,
  source: LogSource,
): Promise<CaseFigures[]> {
  const rows = await db
    .selectFrom('efficiency_logs')
    .innerJoin('submissions', 'submissions.id', 'efficiency_logs.submission_id')
    .select([
      'efficiency_logs.submission_id as submissionId',
      'efficiency_logs.name as name',
      'efficiency_logs.figures_json as json',
    ])
    .where('submissions.challenge_id', '=', challengeId)
    .where('efficiency_logs.source', '=', source)
    .execute();
  return rows.map(({ submissionId, name, json }) => ({ submissionId, name, figures: JSON.parse(json) }));
}
