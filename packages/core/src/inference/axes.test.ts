/** That the two orders of axes cannot be mixed up: what is marked here does not compile. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { expect, test } from 'vitest';
import type { Xyz } from '../volume/volume.ts';
import { dhwOf, xyzOf } from './axes.ts';

test('a volume of 512 by 400 voxels in 90 slices is a tensor of 90 planes; one is not taken for the other', () => {
  const shape: Xyz = [512, 400, 90];
  const size: Dhw = dhwOf(shape);
  expect(size).toEqual([90, 400, 512]);
  expect(xyzOf(size)).toEqual(shape);

  // @ts-expect-error
  const taken: Dhw = shape;
  // @ts-expect-error
  const given: Xyz = size;
  // @ts-expect-error
  const twice: Dhw = dhwOf(dhwOf(shape));
  expect([taken, given, twice]).toEqual([shape, size, shape]);
});
