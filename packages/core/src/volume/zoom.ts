/**
 * Grids of another spacing whose corner voxels stay where they are, as `scipy.ndimage.zoom` makes them: voxel i of n
 * lies at i·(m − 1)/(n − 1) of the m voxels of before. TotalSegmentator resamples scans so before its models see them.
 */
import { compose, scaleAndShift, spacingOf } from './affine.ts';
import { rasView } from './orientation.ts';
import { roundHalfToEven } from './roundHalfToEven.ts';
import { type Grid, type Volume, voxelCount, type Xyz, xyz } from './volume.ts';

/**
 * The places of n voxels among the m of before, along one axis, rounded as scipy rounds them: the last may lie beyond
 * the end by a rounding.
 */
function placesOf(n: number, m: number): Float64Array {
  const step = n > 1 ? (m - 1) / (n - 1) : 0;
  return Float64Array.from({ length: n }, (_, i) => i * step);
}

/**
 * The scan turned to RAS+ and resampled to a spacing, linearly, its values cut to whole numbers; one that has the spacing
 * keeps its values. The corners stay, so that the spacing holds by name and not quite in truth, as these models expect.
 */
export function zoomScan(scan: Volume, spacingMm: Xyz): Volume<Int32Array | Float32Array> {
  const view = rasView(scan);
  const spacing = spacingOf(view.affine).map(Math.fround) as unknown as Xyz; // as nibabel has it
  const shape = xyz((axis) =>
    Math.max(1, roundHalfToEven(view.shape[axis] * (spacing[axis] / spacingMm[axis]))),
  );
  const affine = compose(
    view.affine,
    scaleAndShift(
      xyz((axis) => spacingMm[axis] / spacing[axis]),
      [0, 0, 0],
    ),
  );
  const isSame = spacing.every((mm, axis) => mm === spacingMm[axis]);
  const data = new (isSame ? Float32Array : Int32Array)(voxelCount(shape));
  const { data: from } = scan;
  const [xs, ys, zs] = [0, 1, 2].map((axis) => {
    const step = view.steps[axis];
    return Array.from(placesOf(shape[axis], view.shape[axis]), (place): Neighbours => {
      const below = Math.floor(place);
      const lower = 1 - (place - below);
      return { at: below * step, next: below + 1 < view.shape[axis] ? step : 0, lower, upper: 1 - lower };
    });
  }) as [Neighbours[], Neighbours[], Neighbours[]];
  let to = 0;
  for (const z of zs)
    for (const y of ys) {
      const row = view.start + z.at + y.at;
      for (const x of xs) {
        // Sums in scipy's order: one that is rounded otherwise may be cut to another whole number.
        const at = row + x.at;
        let sum = from[at] * x.lower * y.lower * z.lower;
        sum += from[at + z.next] * x.lower * y.lower * z.upper;
        sum += from[at + y.next] * x.lower * y.upper * z.lower;
        sum += from[at + y.next + z.next] * x.lower * y.upper * z.upper;
        sum += from[at + x.next] * x.upper * y.lower * z.lower;
        sum += from[at + x.next + z.next] * x.upper * y.lower * z.upper;
        sum += from[at + x.next + y.next] * x.upper * y.upper * z.lower;
        sum += from[at + x.next + y.next + z.next] * x.upper * y.upper * z.upper;
        data[to++] = sum;
      }
    }
  return { shape, affine, data };
}

/** The two voxels about a place along one axis, and how much of each. */
interface Neighbours {
  /** The lower one, as steps in the scan's array. */
  readonly at: number;
  /** From there to the upper one; 0 at the end, beyond which the last voxel goes on. */
  readonly next: number;
  readonly lower: number;
  readonly upper: number;
}

/** Labels of the grid that `zoomScan` made, on the scan's own, by nearest neighbour. */
export function unzoomLabels(labels: Volume<Uint8Array>, scan: Grid): Volume<Uint8Array> {
  const view = rasView(scan);
  const strides: Xyz = [1, labels.shape[0], labels.shape[0] * labels.shape[1]];
  const [xs, ys, zs] = [0, 1, 2].map((axis) =>
    Array.from(
      placesOf(view.shape[axis], labels.shape[axis]),
      (place) => Math.floor(place + 0.5) * strides[axis],
    ),
  ) as [number[], number[], number[]];
  const data = new Uint8Array(voxelCount(scan.shape));
  zs.forEach((fromZ, z) => {
    ys.forEach((fromY, y) => {
      let at = view.start + z * view.steps[2] + y * view.steps[1];
      for (const fromX of xs) {
        data[at] = labels.data[fromZ + fromY + fromX];
        at += view.steps[0];
      }
    });
  });
  return { shape: scan.shape, affine: scan.affine, data };
}
