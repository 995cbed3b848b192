/** The leaderboard as CSV. */
import type { LeaderboardView } from '../schema/leaderboard.ts';
import { csvLine } from './csv.ts';

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

/** The entries with a header line. */
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
  return [COLUMNS, ...rows].map(csvLine).join('');
}
