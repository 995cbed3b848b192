/** Windows as nnU-Net places and weighs them, where that is not our way. */
import { expect, test } from 'vitest';
import { windowStarts, windowWeights } from './windows.ts';

test.each([
  [65, 40, [0, 12, 25], [0, 13, 25]], // of nnU-Net's own run: 12.5 is rounded to even
  [43, 24, [0, 10, 19], [0, 10, 19]],
  [34, 10, [0, 5, 10, 14, 19, 24], [0, 5, 10, 14, 19, 24]],
])('over %i voxels of %i', (size, patch, nnunet, own) => {
  expect(windowStarts(size, patch, 0.5, 'nnunet')).toEqual(nnunet);
  expect(windowStarts(size, patch, 0.5)).toEqual(own);
});

test('the weights’ middle is the voxel patch // 2', () => {
  // Two windows of 8, the second 4 further on: where both are, weights are as exp(−½·(distance/σ)²), σ one voxel.
  const weights = windowWeights(12, 8, [0, 4], 'nnunet');
  const [first, second] = [Math.exp(-0.5), Math.exp(-0.5 * 3 ** 2)]; // of voxel 5, from 4 and from 8
  expect(weights[5]).toBeCloseTo(first / (first + second), 6);
  expect(weights[8 + 1]).toBeCloseTo(second / (first + second), 6);
});
