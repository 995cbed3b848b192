/** Results from runs that are easy to reckon by hand. */
import { expect, it } from 'vitest';
import { type ArmRun, resultsOf } from './results.ts';

const run = (
  arm: string,
  seed: number,
  dsc: Record<string, number>,
  changes: Partial<ArmRun> = {},
): ArmRun => ({
  labelled: 4,
  seed,
  arm,
  cases: Object.entries(dsc).map(([name, value]) => ({
    case: name,
    organs: { liver: { dsc: value, nsd: value / 2 } },
    mean: { dsc: value, nsd: value / 2 },
  })),
  steps: 100,
  predictionSeconds: 2,
  predictionGpuBytes: 1e6,
  pseudoLabels: null,
  labellings: [],
  ...changes,
});

it('pairs cases by name, seed with seed, and averages over seeds before the bootstrap over cases', () => {
  const runs = [
    run('base', 1, { a: 0.5, b: 0.4 }),
    run('base', 2, { a: 0.3, b: 0.4 }),
    run('new', 1, { b: 0.5, a: 0.6 }, { predictionSeconds: 4, predictionGpuBytes: 5e6 }),
    run('new', 2, { b: 0.5, a: 0.4 }),
    // A seed that the baseline has not run yet counts in the mean alone.
    run('new', 3, { a: 0.9, b: 0.9 }),
  ];
  const [base, fresh] = resultsOf(runs, 'base');
  expect(base.mean.dsc).toBeCloseTo(0.4, 10);
  expect(base.difference).toBeNull();
  expect(fresh.seeds).toEqual([1, 2, 3]);
  expect(fresh.mean.dsc).toBeCloseTo((0.55 + 0.45 + 0.9) / 3, 10);
  // Each case gains 0.1 in both seeds: the interval has no width.
  expect(fresh.difference!.dsc.mean).toBeCloseTo(0.1, 10);
  expect(fresh.difference!.dsc.low).toBeCloseTo(0.1, 10);
  expect(fresh.difference!.dsc.high).toBeCloseTo(0.1, 10);
  expect(fresh.difference!.nsd.mean).toBeCloseTo(0.05, 10);
  expect(fresh.seedDifferences).toEqual([expect.closeTo(0.1, 10), expect.closeTo(0.1, 10)]);
  expect(fresh.organs.liver.dsc).toBeCloseTo(fresh.mean.dsc, 10);
  expect(fresh.predictionSeconds).toBeCloseTo(8 / 3, 10);
  expect(fresh.predictionGpuBytes).toBe(5e6);
});

it('tells in which organs and cases an arm gains, and what the labels of its rounds were worth', () => {
  const organs = (liver: number, spleen: number) => ({
    liver: { dsc: liver, nsd: 0 },
    spleen: { dsc: spleen, nsd: 0 },
  });
  const scored = (name: string, liver: number, spleen: number) => ({
    case: name,
    organs: organs(liver, spleen),
    mean: { dsc: (liver + spleen) / 2, nsd: 0 },
  });
  const runs = [
    run('base', 1, {}, { cases: [scored('a', 0.8, 0.2), scored('b', 0.6, 0.4)] }),
    run('base', 2, {}, { cases: [scored('a', 0.8, 0.2), scored('b', 0.6, 0.4)] }),
    run(
      'new',
      1,
      {},
      {
        cases: [scored('b', 0.7, 0.4), scored('a', 0.8, 0.6)],
        labellings: [
          { step: 2, dsc: 0.5 },
          { step: 4, dsc: 0.6 },
        ],
      },
    ),
    run(
      'new',
      2,
      {},
      {
        cases: [scored('b', 0.7, 0.4), scored('a', 0.8, 0.4)],
        labellings: [
          { step: 2, dsc: 0.7 },
          { step: 4, dsc: 0.8 },
        ],
      },
    ),
  ];
  const [base, fresh] = resultsOf(runs, 'base');
  expect(base).toMatchObject({ organDifferences: null, caseDifferences: null, labellings: [] });
  expect(base.caseDsc).toEqual({ a: 0.5, b: 0.5 });
  expect(fresh.organDifferences).toEqual({ liver: expect.closeTo(0.05), spleen: expect.closeTo(0.15) });
  expect(fresh.caseDifferences).toEqual({ a: expect.closeTo(0.15), b: expect.closeTo(0.05) });
  expect(fresh.labellings).toEqual([
    { step: 2, dsc: expect.closeTo(0.6) },
    { step: 4, dsc: expect.closeTo(0.7) },
  ]);
});

it('keeps cohorts apart', () => {
  const runs = [
    run('base', 1, { a: 0.5 }),
    run('base', 1, { a: 0.8 }, { labelled: 8 }),
    run('new', 1, { a: 0.9 }, { labelled: 8 }),
  ];
  const results = resultsOf(runs, 'base');
  expect(results.map(({ labelled, arm }) => `${labelled} ${arm}`)).toEqual(['4 base', '8 base', '8 new']);
  expect(results[2].difference!.dsc.mean).toBeCloseTo(0.1, 10);
});
