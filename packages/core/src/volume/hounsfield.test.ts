/** Voxels that hold no number. */
import { expect, it } from 'vitest';
import { nonFiniteToAir } from './hounsfield.ts';

it('turns NaN and both infinities to air and counts them', () => {
  const voxels = [Number.NaN, 40, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1200];
  for (const data of [Float32Array.from(voxels), Float64Array.from(voxels)]) {
    expect(nonFiniteToAir(data)).toBe(3);
    expect([...data]).toEqual([-1024, 40, -1024, -1024, -1200]);
  }
  expect(nonFiniteToAir(Int16Array.from([0]))).toBe(0);
});
