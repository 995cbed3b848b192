/** The bootstrap against the normal theory. */
import { expect, test } from 'vitest';
import { Random } from '../random.ts';
import { bootstrapMean } from './bootstrap.ts';

test('of many normal values the interval is the mean ± 1.96 standard errors', () => {
  const random = new Random(3);
  const values = Array.from({ length: 400 }, () => random.normal(0.1, 2));
  const { mean, low, high } = bootstrapMean(values);
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  const error = 1.96 * (deviation / Math.sqrt(400));
  expect(Math.abs(mean - low - error)).toBeLessThan(0.05 * error);
  expect(Math.abs(high - mean - error)).toBeLessThan(0.05 * error);
  expect(bootstrapMean(values)).toEqual({ mean, low, high });
});

test('of values that are alike it has no width; of none there is none', () => {
  expect(bootstrapMean([0.25, 0.25, 0.25])).toEqual({ mean: 0.25, low: 0.25, high: 0.25 });
  expect(bootstrapMean([0.25])).toEqual({ mean: 0.25, low: Number.NaN, high: Number.NaN });
  expect(bootstrapMean([]).mean).toBeNaN();
});
