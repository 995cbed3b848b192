/** FLARE22's ranking of a challenge's teams, each by its newest submission that is scored. */
import { type RankedCase, rankTeams } from '@organseg/core/metrics/ranking.ts';
import type { Kysely } from 'kysely';
import type { LeaderboardView } from '../schema/leaderboard.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import type { LogSource } from '../store/efficiencyLogs.ts';
import { listSubmissionCases, listSubmissions } from '../store/submissions.ts';
import type { Tables } from '../store/tables.ts';
import { type SubmissionDetail, submissionView, summaryOf } from './submissionView.ts';

type Source = LogSource | 'none';

export async function leaderboardOf(
  db: Kysely<Tables>,
  challenge: Challenge,
  source: Source,
): Promise<LeaderboardView> {
  const submissions = await newestScored(db, challenge);
  const results = submissions.map(({ cases }) => cases.map((scored) => rankedCase(scored, source)));
  const ranked = rankTeams(results);
  const entries = submissions.map((submission, i) => ({
    rank: ranked[i].rank,
    rankInterval: [...ranked[i].interval],
    team: submission.team,
    score: ranked[i].score,
    mean: meanOf(results[i]),
    ...efficiencyOf(submission, source),
    missing: submission.missing.length,
    submission: submission.id,
    completedAt: submission.completedAt!,
  }));
  return {
    challenge: challenge.id,
    name: challenge.name,
    rules: challenge.rules,
    efficiency: source,
    cases: (await listCases(db, challenge.id)).length,
    entries: entries.sort((a, b) => a.rank - b.rank || b.mean.dsc - a.mean.dsc),
  };
}

async function newestScored(db: Kysely<Tables>, challenge: Challenge): Promise<SubmissionDetail[]> {
  const byTeam = new Map<string, SubmissionDetail>();
  for (const submission of await listSubmissions(db, challenge.id)) {
    if (byTeam.has(submission.team) || submission.completedAt === null) continue;
    const { state } = summaryOf(submission, await listSubmissionCases(db, submission.id));
    if (state === 'scored') byTeam.set(submission.team, await submissionView(db, challenge, submission));
  }
  return [...byTeam.values()];
}

/** A run that did not finish scores 0, whatever mask was sent for it. */
function rankedCase({ scores, efficiency }: SubmissionDetail['cases'][number], source: Source): RankedCase {
  const figures = source === 'none' ? undefined : efficiency[source];
  const { dsc, nsd } = figures?.isStuck ? { dsc: 0, nsd: 0 } : scores!.mean;
  if (!figures) return { dsc, nsd };
  const { timeS, gpuAucAbove2GbMbS, cpuAucPercentS } = figures;
  return {
    dsc,
    nsd,
    efficiency: { timeS, gpuAuc: gpuAucAbove2GbMbS.official, cpuAuc: cpuAucPercentS.official },
  };
}

function efficiencyOf({ cases }: SubmissionDetail, source: Source) {
  const logs = source === 'none' ? [] : cases.flatMap(({ efficiency }) => efficiency[source] ?? []);
  const mean = (value: (log: (typeof logs)[number]) => number) =>
    logs.reduce((sum, log) => sum + value(log), 0) / logs.length;
  return {
    efficiency:
      logs.length === 0
        ? null
        : {
            timeS: mean(({ timeS }) => timeS),
            gpuAucMbS: mean(({ gpuAucAbove2GbMbS }) => gpuAucAbove2GbMbS.official),
            cpuAucPercentS: mean(({ cpuAucPercentS }) => cpuAucPercentS.official),
          },
    logs: logs.length,
    stuck: logs.filter(({ isStuck }) => isStuck).length,
  };
}

const meanOf = (cases: readonly RankedCase[]) => ({
  dsc: cases.reduce((sum, { dsc }) => sum + dsc, 0) / cases.length,
  nsd: cases.reduce((sum, { nsd }) => sum + nsd, 0) / cases.length,
});
