/** The strategy `top-fraction`: the best share of the cases by one score, rounded up; cases without it are the worst. */
import { SCORES, type ScoreName, type Strategy, shown } from './strategy.ts';

export const topFraction: Strategy<{ readonly share: number; readonly by: ScoreName }> = (
  cases,
  { share, by },
) => {
  const { better, of } = SCORES[by];
  const sign = better === 'more' ? -1 : 1;
  const key = (i: number) => {
    const score = of(cases[i]);
    return score === null ? Number.POSITIVE_INFINITY : sign * score;
  };
  const order = [...cases.keys()].sort((a, b) => key(a) - key(b) || a - b);
  const rank = new Map(order.map((i, place) => [i, place]));
  const kept = Math.ceil(share * cases.length);
  return cases.map((scored, i) => {
    const place = rank.get(i)!;
    const score = of(scored);
    return {
      kept: place < kept,
      reason: `${by} ${score === null ? 'unknown' : shown(score)}: place ${place + 1} of ${cases.length}, the first ${kept} are kept`,
    };
  });
};
