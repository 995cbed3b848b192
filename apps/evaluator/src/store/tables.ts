/** The database's tables, as the queries see them. Times are ISO strings in UTC; `…_json` columns hold JSON. */
import type { Generated, Insertable, Selectable } from 'kysely';

export interface Tables {
  challenges: ChallengeTable;
  keys: KeyTable;
  cases: CaseTable;
  submissions: SubmissionTable;
  submission_cases: SubmissionCaseTable;
  efficiency_logs: EfficiencyLogTable;
}

export interface ChallengeTable {
  id: string;
  name: string;
  /** The list of organs, each with id, name, toleranceMm and isTube. */
  organs_json: string;
  rules: string;
  deadline: string | null;
  submissions_per_day: number;
  created_at: string;
}

export interface KeyTable {
  id: string;
  /** The SHA-256 of the secret, in hex. The secret itself is nowhere. */
  secret_hash: string;
  role: string;
  challenge_id: string | null;
  team: string | null;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

export interface CaseTable {
  challenge_id: string;
  name: string;
  reference_key: string;
  /** The reference's shape [x,y,z], affine (16 numbers, row by row) and spacingMm [x,y,z]. */
  grid_json: string;
}

export interface SubmissionTable {
  id: string;
  challenge_id: string;
  team: string;
  /** `zip` comes in one request; `files` come one after another until it is completed. */
  kind: string;
  /** The UTC day that it counts for, YYYY-MM-DD. */
  day: string;
  created_at: string;
  /** Set in one step when everything is there: from then on its cases are queued. */
  completed_at: string | null;
  /** The names of files that came with it and are neither mask nor log. */
  passed_over_json: Generated<string>;
}

export interface SubmissionCaseTable {
  submission_id: string;
  name: string;
  mask_key: string;
  /** One of received, scoring, scored and failed. */
  state: string;
  attempts: number;
  scores_json: string | null;
  error: string | null;
}

export interface EfficiencyLogTable {
  submission_id: string;
  name: string;
  /** Whether the submitter claimed it (claimed) or the organiser measured it (measured). */
  source: string;
  log_key: string;
  figures_json: string;
  /** The run thinned out for a chart. */
  curve_json: string;
}

export type ChallengeRow = Selectable<ChallengeTable>;
export type KeyRow = Selectable<KeyTable>;
export type CaseRow = Selectable<CaseTable>;
export type SubmissionRow = Selectable<SubmissionTable>;
export type SubmissionCaseRow = Selectable<SubmissionCaseTable>;
export type EfficiencyLogRow = Selectable<EfficiencyLogTable>;
export type NewCase = Insertable<CaseTable>;
