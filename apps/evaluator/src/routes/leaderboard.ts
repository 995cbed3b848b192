/** Routes that rank the teams of a challenge. */
import { api } from '../http/api.ts';
import { ChallengePath } from '../http/parameters.ts';
import { json, route } from '../http/route.ts';
import { leaderboardOf } from '../results/leaderboard.ts';
import { leaderboardCsv } from '../results/leaderboardCsv.ts';
import { Leaderboard, LeaderboardQuery } from '../schema/leaderboard.ts';

export const leaderboard = api();

const common = {
  access: 'anyone',
  method: 'get',
  request: { params: ChallengePath, query: LeaderboardQuery },
} as const;

leaderboard.openapi(
  route({
    ...common,
    path: '/v1/challenges/{challenge}/leaderboard',
    operationId: 'getLeaderboard',
    summary: 'Rank the teams',
    description:
      'FLARE22’s ranking: teams are ranked by case and measure, and the ranks averaged, GPU and CPU measures at half weight. Each team counts with its newest submission that is scored. Where no case of any team has efficiency figures of the source, DSC and NSD alone are ranked.',
    responses: { 200: json(Leaderboard, 'Best first') },
  }),
  async (c) => {
    const { efficiency } = c.req.valid('query');
    return c.json(await leaderboardOf(c.get('services').db, c.get('challenge'), efficiency), 200);
  },
);

leaderboard.openapi(
  route({
    ...common,
    path: '/v1/challenges/{challenge}/leaderboard.csv',
    operationId: 'getLeaderboardCsv',
    summary: 'Rank the teams, as CSV',
    responses: {
      200: { description: 'Best first', content: { 'text/csv': { schema: { type: 'string' } as const } } },
    },
  }),
  async (c) => {
    const { efficiency } = c.req.valid('query');
    const ranked = await leaderboardOf(c.get('services').db, c.get('challenge'), efficiency);
    return c.body(leaderboardCsv(ranked), 200, { 'content-type': 'text/csv; charset=utf-8' });
  },
);
