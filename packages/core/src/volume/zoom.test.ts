/** Grids whose corners stay: values as `scipy.ndimage.zoom` gives them, and the way back. */
import { expect, test } from 'vitest';
import { affineFromRows } from './affine.ts';
import type { Affine, Volume, Xyz } from './volume.ts';
import { unzoomLabels, zoomScan } from './zoom.ts';

const diagonal = (x: number, y: number, z: number): Affine =>
  affineFromRows([
    [x, 0, 0, 0],
    [0, y, 0, 0],
    [0, 0, z, 0],
  ]);

const scanOf = (shape: Xyz, affine: Affine, values: readonly number[]): Volume<Int16Array> => ({
  shape,
  affine,
  data: Int16Array.from(values),
});

test('linear between corners, cut towards 0, halves of the size to the even number', () => {
  // scipy.ndimage.zoom([0, 10, 20, 31], 1 / 1.5, order=1).astype(int): 3 voxels at 0, 1.5 and 3
  expect([...zoomScan(scanOf([4, 1, 1], diagonal(1, 2, 2), [0, 10, 20, 31]), [1.5, 2, 2]).data]).toEqual([
    0, 15, 31,
  ]);
  expect([...zoomScan(scanOf([2, 1, 1], diagonal(1, 1, 1), [-10, -5]), [0.5, 1, 1]).data]).toEqual([
    -10, -8, -6, -5,
  ]);
  // 5 voxels of 1 mm at 2 mm are 2.5, which is 2 to Python.
  expect(zoomScan(scanOf([5, 1, 1], diagonal(1, 1, 1), [1, 2, 3, 4, 5]), [2, 1, 1]).shape).toEqual([2, 1, 1]);
});

test('turned to RAS first, and labels back on the scan’s own axes', () => {
  const values = Array.from({ length: 24 }, (_, i) => 3 * i);
  const scan = scanOf(
    [2, 3, 4],
    affineFromRows([
      [0, -1, 0, 0],
      [0, 0, 1, 0],
      [-1, 0, 0, 0],
    ]),
    values,
  );
  const same = zoomScan(scan, [1, 1, 1]);
  expect(same.shape).toEqual([3, 4, 2]);
  const back = unzoomLabels({ ...same, data: Uint8Array.from(same.data) }, scan);
  expect([...back.data]).toEqual(values);
  expect(back.shape).toEqual(scan.shape);
});

test('labels by nearest neighbour: scipy’s zoom of order 0', () => {
  const labels = { shape: [3, 1, 1] as const, affine: diagonal(2, 1, 1), data: Uint8Array.of(1, 2, 3) };
  // ndimage.zoom([1, 2, 3], 6 / 3, order=0): places 0, .4, .8, 1.2, 1.6, 2
  const back = unzoomLabels(labels, { shape: [6, 1, 1], affine: diagonal(1, 1, 1) });
  expect([...back.data]).toEqual([1, 1, 2, 2, 3, 3]);
});

test('values are rounded as scipy rounds them before they are cut', () => {
  // scipy.ndimage.zoom([0, 10], 3, order=1, mode='nearest').astype(int): the second is a little below 2
  const zoomed = zoomScan(scanOf([2, 1, 1], diagonal(3, 1, 1), [0, 10]), [1, 1, 1]);
  expect([...zoomed.data]).toEqual([0, 1, 4, 6, 8, 10]);
});
