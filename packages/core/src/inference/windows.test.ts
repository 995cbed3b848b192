/** Windows as nnU-Net places and weighs them, where that is not our way. */
import { expect, test } from 'vitest';
import { importanceMap, windowStarts } from './windows.ts';

test.each([
  [65, 40, [0, 12, 25], [0, 13, 25]], // of nnU-Net's own run: 12.5 is rounded to even
  [43, 24, [0, 10, 19], [0, 10, 19]],
  [34, 10, [0, 5, 10, 14, 19, 24], [0, 5, 10, 14, 19, 24]],
])('over %i voxels of %i', (size, patch, nnunet, own) => {
  expect(windowStarts(size, patch, 0.5, 'nnunet')).toEqual(nnunet);
  expect(windowStarts(size, patch, 0.5)).toEqual(own);
});

test('nnU-Net’s weights: 10 at the voxel patch // 2, in half precision, never 0', () => {
  const weights = importanceMap([8, 8, 64]);
  const at = (z: number, y: number, x: number) => weights[(z * 8 + y) * 64 + x];
  expect(at(4, 4, 32)).toBe(10);
  expect(at(5, 4, 32)).toBe(Math.f16round(10 * Math.exp(-0.5)));
  expect(at(4, 3, 40)).toBe(Math.f16round(10 * Math.exp(-0.5) ** 2));
  expect(at(0, 0, 0)).toBe(2 ** -24); // 10·exp(−24) is less than half of it
});
