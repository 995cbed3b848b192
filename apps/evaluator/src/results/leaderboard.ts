/** FLARE22's ranking of a challenge's teams, each by its newest submission that is scored. */
import type { Efficiency } from '@organseg/core/metrics/efficiency.ts';
import { type RankedCase, type RankedTeam, rankTeams } from '@organseg/core/metrics/ranking.ts';
import type { Kysely } from 'kysely';
import type { LeaderboardView } from '../schema/leaderboard.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import type { LogSource } from '../store/efficiencyLogs.ts';
import { type CaseResult, caseFigures, caseResults } from '../store/results.ts';
import { listSubmissions, type Submission } from '../store/submissions.ts';
import type { Tables } from '../store/tables.ts';

type Source = LogSource | 'none';

/** A team's submission that counts: what it got for each case of the challenge. */
interface Standing {
  readonly submission: Submission;
  readonly cases: readonly {
    readonly result: CaseResult | undefined;
    readonly figures: Efficiency | undefined;
  }[];
}

export async function leaderboardOf(
  db: Kysely<Tables>,
  challenge: Challenge,
  source: Source,
): Promise<LeaderboardView> {
  const names = (await listCases(db, challenge.id)).map(({ name }) => name);
  const standings = await standingsOf(db, challenge, names, source);
  const results = standings.map(({ cases }) => cases.map(rankedCase));
  const ranked = rankedOnce(`${challenge.id} ${source}`, results);
  const entries = standings.map(({ submission, cases }, i) => ({
    rank: ranked[i].rank,
    rankInterval: [...ranked[i].interval],
    team: submission.team,
    score: ranked[i].score,
    mean: { dsc: mean(results[i].map(({ dsc }) => dsc)), nsd: mean(results[i].map(({ nsd }) => nsd)) },
    ...efficiencyOf(cases.flatMap(({ figures }) => figures ?? [])),
    missing: cases.filter(({ result }) => !result).length,
    submission: submission.id,
    completedAt: submission.completedAt!,
  }));
  return {
    challenge: challenge.id,
    name: challenge.name,
    rules: challenge.rules,
    efficiency: source,
    cases: names.length,
    entries: entries.sort((a, b) => a.rank - b.rank || b.mean.dsc - a.mean.dsc),
  };
}

async function standingsOf(
  db: Kysely<Tables>,
  challenge: Challenge,
  names: readonly string[],
  source: Source,
): Promise<Standing[]> {
  const results = await caseResults(db, challenge.id);
  const figures = source === 'none' ? [] : await caseFigures(db, challenge.id, source);
  const resultsBySubmission = Map.groupBy(results, ({ submissionId }) => submissionId);
  const figuresBySubmission = Map.groupBy(figures, ({ submissionId }) => submissionId);
  const byTeam = new Map<string, Standing>();
  for (const submission of await listSubmissions(db, challenge.id)) {
    if (byTeam.has(submission.team) || submission.completedAt === null) continue;
    const own = resultsBySubmission.get(submission.id) ?? [];
    if (own.some(({ state }) => state !== 'scored' && state !== 'failed')) continue;
    const ownFigures = figuresBySubmission.get(submission.id) ?? [];
    const cases = names.map((name) => ({
      result: own.find((each) => each.name === name),
      figures: ownFigures.find((each) => each.name === name)?.figures,
    }));
    byTeam.set(submission.team, { submission, cases });
  }
  return [...byTeam.values()];
}

/** A case without a mask scores 0, and so does a run that did not finish, whatever mask was sent for it. */
function rankedCase({ result, figures }: Standing['cases'][number]): RankedCase {
  const scores = figures?.isStuck ? { dsc: 0, nsd: 0 } : { dsc: result?.dsc ?? 0, nsd: result?.nsd ?? 0 };
  if (!figures) return scores;
  const { timeS, gpuAucAbove2GbMbS, cpuAucPercentS } = figures;
  return {
    ...scores,
    efficiency: { timeS, gpuAuc: gpuAucAbove2GbMbS.official, cpuAuc: cpuAucPercentS.official },
  };
}

function efficiencyOf(logs: readonly Efficiency[]) {
  const efficiency = {
    timeS: mean(logs.map(({ timeS }) => timeS)),
    gpuAucMbS: mean(logs.map(({ gpuAucAbove2GbMbS }) => gpuAucAbove2GbMbS.official)),
    cpuAucPercentS: mean(logs.map(({ cpuAucPercentS }) => cpuAucPercentS.official)),
  };
  return {
    efficiency: logs.length === 0 ? null : efficiency,
    logs: logs.length,
    stuck: logs.filter(({ isStuck }) => isStuck).length,
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The last ranking of each leaderboard, and the results it was made from: a page that many look at is ranked once. */
const rankings = new Map<string, { results: string; ranked: RankedTeam[] }>();

function rankedOnce(leaderboard: string, results: readonly (readonly RankedCase[])[]): RankedTeam[] {
  const text = JSON.stringify(results);
  const before = rankings.get(leaderboard);
  if (before?.results === text) return before.ranked;
  const ranked = rankTeams(results);
  rankings.set(leaderboard, { results: text, ranked });
  return ranked;
}
