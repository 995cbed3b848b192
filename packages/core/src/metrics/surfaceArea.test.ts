/** Areas of cells by geometry, and against the published table. */
import { expect, it } from 'vitest';
import { surfaceAreas } from './surfaceArea.ts';

const cubic = surfaceAreas([1, 1, 1]);
const isotropicCorner = Math.sqrt(3) / 8;

it('has no area where all corners are in or all are out', () => {
  expect([cubic[0], cubic[255]]).toEqual([0, 0]);
  expect(cubic.subarray(1, 255).every((area) => area > 0)).toBe(true);
});

it('cuts a corner off by a triangle through three midpoints', () => {
  for (let bit = 1; bit < 256; bit *= 2) expect(cubic[bit]).toBeCloseTo(isotropicCorner, 15);
  // A right-angled pyramid with the edges 3/2, 2/2 and 1/2.
  expect(surfaceAreas([3, 2, 1])[1]).toBeCloseTo(Math.hypot(6, 3, 2) / 8, 15);
});

it('lies flat between two layers', () => {
  const areas = surfaceAreas([3, 2, 1]);
  // The four corners at the lower end of x, of y, of z.
  expect(areas[0b11110000]).toBeCloseTo(2 * 1, 15);
  expect(areas[0b11001100]).toBeCloseTo(3 * 1, 15);
  expect(areas[0b10101010]).toBeCloseTo(3 * 2, 15);
});

it('cuts diagonal corners off one by one, and so with in and out exchanged', () => {
  // Diagonal on a face; diagonal through the cell; four that share no edge.
  expect(cubic[0b10010000]).toBeCloseTo(2 * isotropicCorner, 15);
  expect(cubic[0b10000001]).toBeCloseTo(2 * isotropicCorner, 15);
  expect(cubic[0b10010110]).toBeCloseTo(4 * isotropicCorner, 15);
  const areas = surfaceAreas([1, 1.5, 2.2]);
  for (let code = 0; code < 256; code++) expect(areas[code]).toBeCloseTo(areas[255 - code], 14);
});

it('divides a pentagon as the published table does', () => {
  // Three corners of an L: triangles of 1/2, √3/4 and √3/8 in the published table.
  expect(cubic[0b00000111]).toBeCloseTo(0.5 + Math.sqrt(3) / 4 + Math.sqrt(3) / 8, 15);
  // On cells of another shape the same triangles, [½, 0, 0], [¼, ¼, ¼], [⅛, ⅛, ⅛] in a cell of side 1.
  const [yz, xz, xy] = [0.7 * 1, 5 * 1, 5 * 0.7];
  const sloping = Math.hypot(yz, xz, xy);
  expect(surfaceAreas([5, 0.7, 1])[0b00000111]).toBeCloseTo(yz / 2 + sloping / 4 + sloping / 8, 14);
});

it('does not depend on how the axes are named', () => {
  const [sx, sy, sz] = [0.7, 1.1, 2.5];
  const areas = surfaceAreas([sx, sy, sz]);
  const turned = surfaceAreas([sz, sx, sy]);
  for (let code = 0; code < 256; code++) {
    let turnedCode = 0;
    for (let corner = 0; corner < 8; corner++) {
      const turnedCorner = (corner >> 1) | ((corner & 1) << 2);
      if (code & (128 >> corner)) turnedCode |= 128 >> turnedCorner;
    }
    expect(turned[turnedCode]).toBeCloseTo(areas[code], 13);
  }
});
