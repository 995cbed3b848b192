/** The count of requests by the minute, on a clock of its own. */
import { expect, test } from 'vitest';
import { memoryRateLimit } from './rateLimit.ts';

test('a caller has so many requests in each minute, whatever others do', async () => {
  let nowMs = 120_000;
  const limit = memoryRateLimit(2, () => nowMs);
  expect([await limit.take('a'), await limit.take('a'), await limit.take('b')]).toEqual([0, 0, 0]);
  nowMs += 59_500;
  expect([await limit.take('a'), await limit.take('b'), await limit.take('b')]).toEqual([1, 0, 1]);
  nowMs += 500;
  expect(await limit.take('a')).toBe(0);
});
