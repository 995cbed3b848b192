/** Ranks that can be worked out by hand. */
import { describe, expect, it } from 'vitest';
import { type RankedCase, rankTeams } from './ranking.ts';

const scored = (dsc: number, nsd: number, ...figures: number[]): RankedCase => {
  const [timeS, gpuAuc, cpuAuc] = figures;
  return { dsc, nsd, ...(figures.length > 0 && { efficiency: { timeS, gpuAuc, cpuAuc } }) };
};
const ranksOf = (...teams: RankedCase[][]) => rankTeams(teams).map(({ rank }) => rank);

it('averages ranks over measures, GPU and CPU at half weight', () => {
  // DSC and NSD: first, second; time, GPU, CPU: second, first.
  const teams = rankTeams([[scored(0.9, 0.9, 20, 2, 2)], [scored(0.8, 0.8, 10, 1, 1)]]);
  expect(teams.map(({ score }) => score)).toEqual([(1 + 1 + 2 + 1 + 1) / 4, (2 + 2 + 1 + 0.5 + 0.5) / 4]);
  expect(teams.map(({ rank }) => rank)).toEqual([1.5, 1.5]);
});

it('lets ties share the mean of their places', () => {
  expect(ranksOf([scored(0.9, 0.9)], [scored(0.7, 0.7)], [scored(0.9, 0.9)])).toEqual([1.5, 3, 1.5]);
  const [a, b, c] = rankTeams([[scored(0.9, 0.5)], [scored(0.9, 0.4)], [scored(0.8, 0.3)]]);
  expect([a.score, b.score, c.score]).toEqual([(1.5 + 1) / 2, (1.5 + 2) / 2, 3]);
});

it('ranks by case, not by mean', () => {
  // The first team wins two of three cases by a little and loses one by far.
  const first = [scored(0.91, 0.91), scored(0.91, 0.91), scored(0.1, 0.1)];
  const second = [scored(0.9, 0.9), scored(0.9, 0.9), scored(0.9, 0.9)];
  expect(ranksOf(first, second)).toEqual([1, 2]);
});

it('puts a case without efficiency figures last in them, and leaves them out where no case has any', () => {
  expect(ranksOf([scored(0.9, 0.9)], [scored(0.9, 0.9, 1e6, 1e9, 1e9)])).toEqual([2, 1]);
  expect(rankTeams([[scored(0.9, 0.9)], [scored(0.8, 0.8)]])[0].score).toBe(1);
});

describe('the interval', () => {
  const cases = (count: number, wins: number) =>
    Array.from({ length: count }, (_, i) => scored(i < wins ? 0.9 : 0.7, i < wins ? 0.9 : 0.7));
  const steady = (count: number) => Array.from({ length: count }, () => scored(0.8, 0.8));

  it('is the rank itself where every case agrees', () => {
    expect(rankTeams([cases(10, 10), steady(10)]).map(({ interval }) => interval)).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  it('holds both ranks where cases disagree', () => {
    expect(rankTeams([cases(10, 6), steady(10)])[0]).toMatchObject({ rank: 1, interval: [1, 2] });
  });

  it('narrows with more cases, and is the same each time', () => {
    const results = [cases(400, 240), steady(400)];
    expect(rankTeams(results)[0].interval).toEqual([1, 1]);
    expect(rankTeams(results)).toEqual(rankTeams(results));
  });
});

it('takes no teams, and no cases', () => {
  expect(rankTeams([])).toEqual([]);
  expect(() => rankTeams([[scored(1, 1)], []])).toThrow('teams differ in cases');
});
