/** The probability below which a network's label of a voxel is ignored. */
import { z } from 'zod';
import { probability } from './networkSettings.ts';

/** One for all classes, or one for each, background first; 0: every label counts. */
export const leastProbability = z.union([probability, z.array(probability)]);
export type LeastProbability = z.infer<typeof leastProbability>;

/** That of each class. */
export const leastProbabilities = (least: LeastProbability, classes: number): readonly number[] =>
  typeof least === 'number' ? new Array<number>(classes).fill(least) : least;

/** Calls `fail` with what is at fault, where there are not as many as classes; `name` is what the user calls them. */
export function checkLeastProbability(
  least: LeastProbability,
  classes: number,
  name: string,
  fail: (fault: string) => void,
): void {
  if (typeof least !== 'number' && least.length !== classes)
    fail(`${name} expects one number, or ${classes}`);
}
