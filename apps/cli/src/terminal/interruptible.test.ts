/** The signal of a command whose time is limited, on a clock that the test moves. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { orAfter } from './interruptible.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([1, 35_791, 35_792, 100_000])('aborts after %i minutes, and not before', (minutes) => {
  const signal = orAfter(minutes, new AbortController().signal);
  vi.advanceTimersByTime(minutes * 60_000 - 1);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.aborted).toBe(true);
});

it('aborts at once with the other signal, and for its reason', () => {
  const stop = new AbortController();
  const signal = orAfter(1, stop.signal);
  stop.abort('stopped');
  expect(signal.reason).toBe('stopped');
});
