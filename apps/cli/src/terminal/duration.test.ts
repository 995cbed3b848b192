/** Times in words. */
import { expect, it } from 'vitest';
import { duration } from './duration.ts';

it.each([
  [0, '0.0 s'],
  [4.23, '4.2 s'],
  [9.96, '10 s'],
  [59.6, '1 min 0 s'],
  [155, '2 min 35 s'],
  [3599.7, '1 h 00 min'],
  [3900, '1 h 05 min'],
  [86_399, '1 d 0 h'],
  [183_600, '2 d 3 h'],
])('tells %d s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
