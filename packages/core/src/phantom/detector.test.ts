/** Blur and noise. */
import { expect, test } from 'vitest';
import { Random } from '../random.ts';
import { scaleAndShift } from '../volume/affine.ts';
import type { Xyz } from '../volume/volume.ts';
import { acquire, blur } from './detector.ts';

test('blur keeps the sum and spreads by its deviation along each axis', () => {
  const shape: Xyz = [21, 17, 19];
  const data = new Float32Array(21 * 17 * 19);
  data[10 + 21 * (8 + 17 * 9)] = 1;
  blur(data, shape, [2, 1, 0]);
  let sum = 0;
  const spread = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const offset = [(i % 21) - 10, (Math.floor(i / 21) % 17) - 8, Math.floor(i / (21 * 17)) - 9];
    sum += data[i];
    for (let axis = 0; axis < 3; axis++) spread[axis] += data[i] * offset[axis] ** 2;
  }
  expect(sum).toBeCloseTo(1, 5);
  expect(Math.abs(Math.sqrt(spread[0]) - 2)).toBeLessThan(0.1);
  expect(Math.abs(Math.sqrt(spread[1]) - 1)).toBeLessThan(0.1);
  expect(spread[2]).toBe(0);
});

test('noise has the deviation of the detector, whatever the kernel', () => {
  const shape: Xyz = [40, 40, 40];
  const grid = { shape, affine: scaleAndShift([3, 3, 3], [0, 0, 0]) };
  for (const blurMm of [0.5, 3]) {
    const image = acquire(new Float32Array(64_000), grid, { noiseHu: 12, blurMm, clips: 0 }, new Random(1));
    const variance = image.reduce((total, hu) => total + hu * hu, 0) / image.length;
    expect(Math.sqrt(variance)).toBeGreaterThan(11.5);
    expect(Math.sqrt(variance)).toBeLessThan(12.8);
  }
});
