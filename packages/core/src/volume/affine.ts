/**
 * Affines: 4×4, row-major, last row 0 0 0 1, voxel index → world mm. Column j is the step of voxel axis j.
 */
import type { Affine, Xyz } from './volume.ts';

/** The affine of three rows of four numbers, as NIfTI's srow_x, srow_y, srow_z. */
export function affineFromRows(rows: readonly (readonly number[])[]): Affine {
  return Float64Array.from([...rows.slice(0, 3).flat(), 0, 0, 0, 1]);
}

/** The affine from index i to scale·i + shift: a crop, a change of spacing. */
export function scaleAndShift(scale: Xyz, shift: Xyz): Affine {
  return affineFromRows([
    [scale[0], 0, 0, shift[0]],
    [0, scale[1], 0, shift[1]],
    [0, 0, scale[2], shift[2]],
  ]);
}

/** The affine outer·inner, which applies `inner` first. */
export function compose(outer: Affine, inner: Affine): Affine {
  const product = new Float64Array(16);
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column < 4; column++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += outer[row * 4 + k] * inner[k * 4 + column];
      product[row * 4 + column] = sum;
    }
  }
  return product;
}

/** The world position (mm) of a voxel index, which may be fractional. */
export function apply(affine: Affine, voxel: Xyz): Xyz {
  const row = (r: number) =>
    affine[r] * voxel[0] + affine[r + 1] * voxel[1] + affine[r + 2] * voxel[2] + affine[r + 3];
  return [row(0), row(4), row(8)];
}

/** The distance in mm between neighbouring voxels along each voxel axis: the norms of the columns. */
export function spacingOf(affine: Affine): Xyz {
  const norm = (column: number) => Math.hypot(affine[column], affine[4 + column], affine[8 + column]);
  return [norm(0), norm(1), norm(2)];
}

/** How far apart two affines place a voxel of a grid at most, in mm: at one of its corners. */
export function greatestShiftMm([nx, ny, nz]: Xyz, one: Affine, other: Affine): number {
  const [xs, ys, zs] = [nx, ny, nz].map((n) => [0, n - 1]);
  const corners = xs.flatMap((x) => ys.flatMap((y) => zs.map((z): Xyz => [x, y, z])));
  const shifts = corners.map((corner) => {
    const [a, b] = [apply(one, corner), apply(other, corner)];
    return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
  });
  return Math.max(...shifts);
}

/** Determinant of the 3×3 part: the signed volume of a voxel in mm³. */
export function determinant(a: Affine): number {
  return (
    a[0] * (a[5] * a[10] - a[6] * a[9]) -
    a[1] * (a[4] * a[10] - a[6] * a[8]) +
    a[2] * (a[4] * a[9] - a[5] * a[8])
  );
}

/** The inverse: world mm → voxel index. Throws where the affine is singular. */
export function invert(a: Affine): Affine {
  const det = determinant(a);
  if (det === 0 || !Number.isFinite(det)) throw new Error('affine: singular, it has no inverse');
  const rows = [
    [a[5] * a[10] - a[6] * a[9], a[2] * a[9] - a[1] * a[10], a[1] * a[6] - a[2] * a[5]],
    [a[6] * a[8] - a[4] * a[10], a[0] * a[10] - a[2] * a[8], a[2] * a[4] - a[0] * a[6]],
    [a[4] * a[9] - a[5] * a[8], a[1] * a[8] - a[0] * a[9], a[0] * a[5] - a[1] * a[4]],
  ].map((row) => row.map((cofactor) => cofactor / det));
  return affineFromRows(rows.map((row) => [...row, -(row[0] * a[3] + row[1] * a[7] + row[2] * a[11])]));
}
