/** Grids that count as one, and grids that do not. */
import { expect, it } from 'vitest';
import { scaleAndShift } from '../volume/affine.ts';
import type { Grid, Xyz } from '../volume/volume.ts';
import { assertSameGrid } from './sameGrid.ts';

const grid = (shape: Xyz, spacing: Xyz, origin: Xyz): Grid => ({
  shape,
  affine: scaleAndShift(spacing, origin),
});
const reference = grid([100, 80, 60], [0.8, 0.8, 2.5], [10, 20, 30]);
const check = (prediction: Grid) => () => assertSameGrid(reference, 'ref.nii.gz', prediction, 'pred.nii.gz');

it('lets rounding pass', () => {
  expect(check(grid([100, 80, 60], [0.80001, 0.8, 2.5], [10.00001, 20, 30]))).not.toThrow();
});

it('names both files where the shapes differ', () => {
  expect(check(grid([100, 80, 61], [0.8, 0.8, 2.5], [10, 20, 30]))).toThrow(
    'pred.nii.gz has 100×80×61 voxels, its reference ref.nii.gz has 100×80×60 voxels',
  );
});

it('names both files where the voxels lie elsewhere', () => {
  const names = /^pred\.nii\.gz .* ref\.nii\.gz: voxels lie up to 0\.990 mm apart$/;
  expect(check(grid([100, 80, 60], [0.79, 0.8, 2.5], [10, 20, 30]))).toThrow(names);
  expect(check(grid([100, 80, 60], [-0.8, 0.8, 2.5], [10, 20, 30]))).toThrow('another affine');
});
