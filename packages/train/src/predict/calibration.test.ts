/** How far predictions are to be trusted, from scans whose truth is known. */
import { expect, test } from 'vitest';
import { calibrationOf, doubtsInWords, type KnownOrgan, trustIn } from './calibration.ts';

const MODEL = { weights: '', keepsLargest: false };
const LABELS = ['background', 'liver', 'spleen', 'pancreas'];

const known = (name: string, probability: number | null, dsc: number, trueMl = 1000): KnownOrgan => ({
  name,
  probability,
  dsc,
  trueMl,
});

/** A prediction on a grid of 10 mm, so that a voxel has 1 ml. */
const prediction = (found: Record<string, { ml: number; probability: number }>) => ({
  voxels: LABELS.map((name) => found[name]?.ml ?? 0),
  confidence: {
    probability: 1,
    entropy: 0,
    byClass: LABELS.map((name) =>
      found[name] ? { probability: found[name].probability, entropy: 0 } : null,
    ),
  },
  report: { spacingMm: [10, 10, 10] as const },
});

test('the line through what is known, each origin counting the same', () => {
  const phantoms = [0.5, 0.7, 0.9].map((p) => [known('liver', p, p)]);
  expect(calibrationOf(MODEL, [phantoms]).organs.liver).toMatchObject({
    slope: expect.closeTo(1),
    intercept: expect.closeTo(0),
    error: expect.closeTo(0),
  });
  // One real scan in which the network is as sure as ever, and wrong: it weighs as much as the three.
  const { organs } = calibrationOf(MODEL, [phantoms, [[known('liver', 0.7, 0.1)]]]);
  expect(organs.liver!.intercept + organs.liver!.slope * 0.7).toBeCloseTo(0.4);
});

test('a DSC that falls with the probability gives its mean, and an organ that was never found nothing', () => {
  const { organs } = calibrationOf(MODEL, [
    [[known('liver', 0.5, 0.9), known('spleen', null, 0)], [known('liver', 0.9, 0.5)]],
  ]);
  expect(organs.liver).toMatchObject({ slope: 0, intercept: expect.closeTo(0.7) });
  expect(organs.spleen).toBeUndefined();
});

const calibration = calibrationOf(MODEL, [
  [
    [known('liver', 0.9, 0.9), known('spleen', 0.9, 0.9, 200), known('pancreas', 0.9, 0.6, 80)],
    [known('liver', 0.5, 0.5), known('spleen', 0.5, 0.5, 200), known('pancreas', 0.5, 0.2, 80)],
  ],
]);
const doubts = (found: Parameters<typeof prediction>[0]) =>
  doubtsInWords(trustIn(prediction(found), LABELS, calibration), calibration);

test('organs whose DSC may be below 0.4, and of a size that none has', () => {
  const liver = { ml: 1200, probability: 0.9 };
  const spleen = { ml: 180, probability: 0.8 };
  expect(doubts({ liver, spleen, pancreas: { ml: 70, probability: 0.9 } })).toBeUndefined();
  expect(doubts({ liver, spleen, pancreas: { ml: 70, probability: 0.6 } })).toBe(
    'not to be trusted: pancreas (expected DSC 0.30 ± 0.00)',
  );
  expect(doubts({ liver, spleen: { ml: 900, probability: 0.9 } })).toBe('not to be trusted: spleen (900 ml)');
  expect(doubts({ liver, spleen: { ml: 3, probability: 0.9 } })).toBe('not to be trusted: spleen (3.0 ml)');
});

test('a scan that shows something else', () => {
  expect(doubts({ liver: { ml: 500, probability: 0.2 } })).toBe(
    'nothing found for certain of liver, spleen, pancreas: does the scan show them?',
  );
  expect(doubts({})).toMatch(/^nothing found/);
});

test('how sure the network is without a calibration', () => {
  expect(trustIn(prediction({ liver: { ml: 9, probability: 0.8 } }), LABELS, undefined)).toEqual([
    { name: 'liver', probability: 0.8, expectedDsc: undefined, doubt: undefined },
  ]);
});
