/** The line in which the page tells how far its work is. */
import { expect, test } from 'vitest';
import { Progress } from '../src/page/progress.ts';

test('a stage is told with its share, its rate and the time left, each counted from the stage’s own beginning', () => {
  const progress = new Progress();
  const whole = { amount: 80, unit: 'windows' };
  const told = (stage: string, share: number, seconds: number) =>
    progress.line({ stage, share, whole }, 1000 * seconds);
  expect(told('reading', 0, 100)).toBe('reading…');
  expect(told('segmenting', 0, 110)).toBe('segmenting…');
  expect(told('segmenting', 0.25, 120)).toBe('segmenting: 25 %, 2 windows/s, 30 s left');
  expect(told('segmenting', 0.75, 140)).toBe('segmenting: 75 %, 2 windows/s, 10 s left');
  expect(progress.line({ stage: 'writing', share: 0 }, 150_000)).toBe('writing…');
  expect(progress.line({ stage: 'writing', share: 0.5 }, 151_000)).toBe('writing: 50 %, 1 s left');
});
