/** The selection of pseudo-labelled cases. */
import { describe, expect, test } from 'vitest';
import { type Selection, select } from './select.ts';
import type { ScoredCase } from './strategy.ts';

const scored = (name: string, scores: Omit<ScoredCase, 'case'>): ScoredCase => ({ case: name, ...scores });

const keptBy = (cases: readonly ScoredCase[], selection: Selection) =>
  cases.filter((_, i) => select(cases, selection)[i].kept).map((each) => each.case);

describe('strategies', () => {
  const cases = [
    scored('a', { voxels: { liver: 5000, aorta: 900 }, confidence: 0.95, entropy: 0.05, instability: 0.02 }),
    scored('b', { voxels: { liver: 4000, aorta: 0 }, confidence: 0.9, entropy: 0.2, instability: 0.3 }),
    scored('c', { voxels: { liver: 3000, aorta: 999 }, confidence: 0.7, entropy: 0.3, instability: null }),
    scored('d', { voxels: { liver: 0, aorta: 0 }, confidence: null, entropy: null, instability: 1 }),
  ];

  test.each([
    [[{ strategy: 'min-voxels', voxels: 900 }], 'a c'],
    [[{ strategy: 'min-voxels', voxels: 0 }], 'a b c d'],
    [[{ strategy: 'stability', mostChange: 0.3 }], 'a b c'],
    [[{ strategy: 'confidence', leastProbability: 0.7, mostEntropy: 0.2 }], 'a b'],
    [[{ strategy: 'keep-all' }], 'a b c d'],
    [[], 'a b c d'],
    [[{ strategy: 'top-fraction', share: 0.5, by: 'confidence' }], 'a b'],
    [[{ strategy: 'top-fraction', share: 0.3, by: 'entropy' }], 'a b'],
    [[{ strategy: 'top-fraction', share: 0.25, by: 'voxels' }], 'c'],
    [[{ strategy: 'top-fraction', share: 0.75, by: 'instability' }], 'a b d'],
  ] as [Selection, string][])('%j keeps %s', (selection, kept) => {
    expect(keptBy(cases, selection).join(' ')).toBe(kept);
  });

  test('one after another: a share is one of what those before have kept', () => {
    const both: Selection = [
      { strategy: 'min-voxels', voxels: 900 },
      { strategy: 'top-fraction', share: 0.5, by: 'confidence' },
    ];
    expect(keptBy(cases, both)).toEqual(['a']);
    expect(select(cases, both).map(({ reason }) => reason)).toEqual([
      'min-voxels: every organ has at least 900 voxels; top-fraction: confidence 0.950: place 1 of 2, the first 1 are kept',
      'min-voxels: fewer than 900 voxels: aorta 0',
      'top-fraction: confidence 0.700: place 2 of 2, the first 1 are kept',
      'min-voxels: fewer than 900 voxels: liver 0, aorta 0',
    ]);
  });
});
