/** Planning a case's memory: what is told where it does not fit. */
import { expect, test } from 'vitest';
import { CapTooSmallError } from './memoryPlan.ts';

test('a cap that is too small is told with the one that would do, if there is one', () => {
  expect(new CapTooSmallError(2 ** 20, 3.5 * 2 ** 20).message).toBe(
    '1 MiB of GPU memory cannot hold one window; 4 MiB can',
  );
  expect(new CapTooSmallError(2 ** 20, Number.POSITIVE_INFINITY).message).toBe(
    '1 MiB of GPU memory cannot hold one window; its buffers would be larger than the adapter allows',
  );
});
