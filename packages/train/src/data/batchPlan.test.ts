/** The plan of an epoch: shares and orders of cases. */
import { Random } from '@organseg/core/random.ts';
import { describe, expect, test } from 'vitest';
import { type BatchSettings, type CaseCounts, planStep, stepsPerEpoch } from './batchPlan.ts';

const SETTINGS: BatchSettings = {
  batch: 2,
  patchesPerImage: 1,
  stepsPerEpoch: null,
  pseudoShare: null,
  foregroundShare: null,
  foregroundProbability: 0.5,
  consistency: null,
  copyPaste: null,
};
const COUNTS: CaseCounts = { labelled: 4, pseudo: 6, unlabelled: 0 };

const epoch = (changes: Partial<BatchSettings>, counts = COUNTS, steps?: number, seed = 1) => {
  const settings = { ...SETTINGS, ...changes };
  const random = new Random(seed);
  return Array.from({ length: steps ?? stepsPerEpoch(settings, counts) }, (_, step) =>
    planStep(settings, counts, random, step),
  );
};
/** How often each number comes, from the least number on. */
const tally = (numbers: number[]) => {
  const counts = new Map<number, number>();
  for (const n of numbers.toSorted((a, b) => a - b)) counts.set(n, (counts.get(n) ?? 0) + 1);
  return [...counts.values()];
};

test('an epoch visits each case once, with as many patches as asked for one after another', () => {
  const once = epoch({}).flat();
  expect(once.map((patch) => patch.case).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const twice = epoch({ patchesPerImage: 2 }).map((batch) => batch.map((patch) => patch.case));
  expect(twice).toHaveLength(10);
  for (const [a, b] of twice) expect(a).toBe(b);
  expect(epoch({}, COUNTS, undefined, 2)).not.toEqual(epoch({}));
});

test('a share of each batch is pseudo-labelled, whatever the number of cases', () => {
  const quarter = epoch({ batch: 4, pseudoShare: 0.75, stepsPerEpoch: 20 });
  for (const batch of quarter) expect(batch.filter((patch) => patch.case >= 4)).toHaveLength(3);
  const counts = tally(quarter.flat().map((patch) => patch.case));
  // 20 patches of 4 labelled cases, 60 of 6 pseudo-labelled ones.
  expect(counts).toEqual([5, 5, 5, 5, 10, 10, 10, 10, 10, 10]);
  // Where a batch is too small for the share, batches together keep it.
  const single = epoch({ batch: 1, pseudoShare: 0.75, stepsPerEpoch: 16 }).flat();
  expect(single.filter((patch) => patch.case >= 4)).toHaveLength(12);
  // Without any pseudo-labels there is nothing to share.
  const none = epoch({ pseudoShare: 0.75, stepsPerEpoch: 8 }, { ...COUNTS, pseudo: 0 }).flat();
  expect(Math.max(...none.map((patch) => patch.case))).toBe(3);
});

test('a share of the patches is to hold an organ', () => {
  const third = epoch({ foregroundShare: 1 / 3, batch: 2, stepsPerEpoch: 30 }).flat();
  expect(third.filter(({ centre }) => centre === 'organ')).toHaveLength(20);
  expect(
    epoch({})
      .flat()
      .every(({ centre }) => centre === 0.5),
  ).toBe(true);
});

test('with a teacher the last items of a batch are unlabelled', () => {
  const consistency = { patches: 1, weight: 1, rampEpochs: 1 };
  const counts = { labelled: 2, pseudo: 0, unlabelled: 5 };
  const batches = epoch({ batch: 3, consistency, stepsPerEpoch: 10 }, counts);
  for (const [a, b, c] of batches) {
    expect(a.case).toBeLessThan(2);
    expect(b.case).toBeLessThan(2);
    expect(c.case).toBeGreaterThanOrEqual(2);
  }
  expect(tally(batches.map((batch) => batch[2].case))).toEqual([2, 2, 2, 2, 2]);
  expect(stepsPerEpoch({ ...SETTINGS, batch: 3, consistency }, counts)).toBe(1);
});

describe('under copy-paste', () => {
  const copyPaste = {
    partner: 'unlabelled',
    boxShare: 0.5,
    pseudoWeight: 0.5,
    labelledShare: 0.25,
    pseudoLabels: { refresh: null, leastProbability: 0 },
  } as const;
  const counts = { labelled: 2, pseudo: 0, unlabelled: 5 };
  const mixed = (settings: Partial<BatchSettings>) =>
    Array.from({ length: 20 }, (_, step) =>
      planStep({ ...SETTINGS, ...settings }, counts, new Random(1), step, true),
    ).flat();

  test('labelled patches have unlabelled partners but for their share, pasted in and pasted on in turn', () => {
    const patches = mixed({ batch: 2, copyPaste });
    expect(patches.every((patch) => patch.case < 2)).toBe(true);
    const partners = patches.flatMap(({ partner }) => partner ?? []);
    expect(partners).toHaveLength(30);
    expect(tally(partners.map((partner) => partner.case))).toEqual([6, 6, 6, 6, 6]);
    expect(Math.min(...partners.map((partner) => partner.case))).toBe(2);
    expect(partners.map(({ isPasted }) => isPasted)).toEqual(partners.map((_, i) => i % 2 === 0));
    const states = [...patches, ...partners].map(({ random }) => JSON.stringify(random.state));
    expect(new Set(states).size).toBe(70);
  });

  test('as a control the partners are labelled too', () => {
    const patches = mixed({ copyPaste: { ...copyPaste, partner: 'labelled', labelledShare: 0 } });
    expect(patches.every(({ partner }) => partner!.case < 2)).toBe(true);
  });

  test('before it begins, patches are those of a training without it', () => {
    const settings = { ...SETTINGS, copyPaste };
    const before = planStep(settings, counts, new Random(1), 3);
    expect(before).toEqual(planStep(SETTINGS, counts, new Random(1), 3));
    const alone = planStep(settings, counts, new Random(1), 3, true).map(({ partner: _, ...patch }) => patch);
    expect(alone).toEqual(before);
  });
});
