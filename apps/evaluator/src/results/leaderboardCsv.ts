/** The leaderboard as CSV. */
import type { LeaderboardView } from '../schema/leaderboard.ts';

const COLUMNS = [
  'rank',
  'rank_low',
  'rank_high',
  'team',
  'score',
  'dsc',
  'nsd',
  'time_s',
  'gpu_auc_mb_s',
  'cpu_auc_percent_s',
  'efficiency',
  'logs',
  'stuck',
  'missing',
  'submission',
  'completed_at',
];

/** CSV by RFC 4180, with a header line. */
export function leaderboardCsv({ entries, efficiency: source }: LeaderboardView): string {
  const rows = entries.map(({ rank, rankInterval, team, score, mean, efficiency, ...rest }) => [
    rank,
    ...rankInterval,
    team,
    score,
    mean.dsc,
    mean.nsd,
    efficiency?.timeS,
    efficiency?.gpuAucMbS,
    efficiency?.cpuAucPercentS,
    source,
    rest.logs,
    rest.stuck,
    rest.missing,
    rest.submission,
    rest.completedAt,
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function cell(value: string | number | undefined): string {
  if (typeof value !== 'string') return String(value ?? '');
  // A spreadsheet would run a team's name as a formula.
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
