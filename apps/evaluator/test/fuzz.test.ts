/** Some of the inputs of `pnpm evaluator:fuzz`. */
import { expect, onTestFinished, test } from 'vitest';
import { fuzz } from './fuzzing.ts';
import { startNode } from './servers.ts';

test('broken input is refused, never answered 500', async () => {
  const server = await startNode({ EVALUATOR_REQUESTS_PER_MINUTE: '1000000' });
  onTestFinished(() => server.close());
  const report = await fuzz(server, 1, 400);
  expect(Object.keys(report)).toHaveLength(7);
  // Changes are small enough that some input is still sound, and refusals are of more than one kind.
  const statuses = new Set(Object.values(report).flatMap((counts) => Object.keys(counts)));
  expect(statuses).toContain('422');
  expect([...statuses].some((status) => status.startsWith('2'))).toBe(true);
});
