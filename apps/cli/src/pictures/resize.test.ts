/** Resized pictures, by hand-counted pixels. */
import { describe, expect, it } from 'vitest';
import { resizeNearest, resizeSmooth } from './resize.ts';

const row = (...data: number[]) => ({ width: data.length, height: 1, data });

describe('resizeSmooth', () => {
  it('runs straight between the centres of pixels, and no further than the outermost', () => {
    const { data } = resizeSmooth(row(0, 8), { width: 8, height: 1 });
    expect([...data]).toEqual([0, 0, 1, 3, 5, 7, 8, 8]);
  });

  it('takes the mean where the picture shrinks, so that a fine pattern does not turn into a coarse one', () => {
    const { data } = resizeSmooth(row(...Array.from({ length: 30 }, (_, i) => 100 * (i % 2))), {
      width: 7,
      height: 1,
    });
    for (const value of data) expect(value).toBeCloseTo(50, -1);
  });

  it('treats columns as rows', () => {
    const column = resizeSmooth({ width: 1, height: 2, data: [0, 8] }, { width: 3, height: 4 });
    expect([...column.data]).toEqual([0, 2, 6, 8].flatMap((value) => [value, value, value]));
  });
});

it('resizeNearest gives each pixel the label it lies in', () => {
  const labels = { width: 2, height: 2, data: [1, 2, 3, 4] };
  expect([...resizeNearest(labels, { width: 4, height: 3 }).data]).toEqual([
    1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4,
  ]);
  expect([...resizeNearest(row(1, 2, 3, 4), { width: 2, height: 1 }).data]).toEqual([2, 4]);
});
