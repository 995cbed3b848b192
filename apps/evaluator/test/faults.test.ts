/** Some rounds of `pnpm evaluator:faults`. */
import { expect, test } from 'vitest';
import { faultRounds } from './faultRounds.ts';

test('a killed process loses nothing that it accepted', async () => {
  const report = await faultRounds(1, 2, () => {});
  expect(report.rounds).toBe(2);
});
