/**
 * Grids of another spacing whose corner voxels stay where they are, as `scipy.ndimage.zoom` makes them: voxel i of n
 * lies at i·(m − 1)/(n − 1) of the m voxels of before. TotalSegmentator resamples scans so before its models see them.
 */
import { compose, scaleAndShift, spacingOf } from './affine.ts';
import { rasView } from './orientation.ts';
import { type Grid, type Volume, voxelCount, type Xyz, xyz } from './volume.ts';

/** Python's round: halves go to the even neighbour. */
const roundHalfEven = (value: number): number => {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
};

/** The places of n voxels among the m of before, along one axis. */
const placesOf = (n: number, m: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => (n > 1 ? (i * (m - 1)) / (n - 1) : 0));

/**
 * The scan turned to RAS+ and resampled to a spacing, linearly, its values cut to whole numbers; one that has the spacing
 * keeps its values. The corners stay, so that the spacing holds by name and not quite in truth, as these models expect.
 */
export function zoomScan(scan: Volume, spacingMm: Xyz): Volume<Int32Array | Float32Array> {
  const view = rasView(scan);
  const spacing = spacingOf(view.affine);
  const shape = xyz((axis) =>
    Math.max(1, roundHalfEven((view.shape[axis] * spacing[axis]) / spacingMm[axis])),
  );
  const affine = compose(
    view.affine,
    scaleAndShift(
      xyz((axis) => spacingMm[axis] / spacing[axis]),
      [0, 0, 0],
    ),
  );
  const isSame = spacing.every((mm, axis) => Math.fround(mm) === Math.fround(spacingMm[axis]));
  const data = new (isSame ? Float32Array : Int32Array)(voxelCount(shape));
  const { data: from } = scan;
  // The lower neighbour of each voxel along each axis, as steps in the scan's array; how far on; the share of the upper.
  const [xs, ys, zs] = [0, 1, 2].map((axis) => {
    const places = placesOf(shape[axis], view.shape[axis]);
    const step = view.steps[axis];
    return Array.from(places, (place) => {
      const lower = Math.min(Math.floor(place), view.shape[axis] - 1);
      return { at: lower * step, next: lower + 1 < view.shape[axis] ? step : 0, share: place - lower };
    });
  }) as [Neighbours[], Neighbours[], Neighbours[]];
  let to = 0;
  for (const z of zs)
    for (const y of ys) {
      const row = view.start + z.at + y.at;
      for (const x of xs) {
        const at = row + x.at;
        const line = (i: number) => from[i] * (1 - x.share) + from[i + x.next] * x.share;
        const plane = (i: number) => line(i) * (1 - y.share) + line(i + y.next) * y.share;
        data[to++] = plane(at) * (1 - z.share) + plane(at + z.next) * z.share;
      }
    }
  return { shape, affine, data };
}

interface Neighbours {
  readonly at: number;
  readonly next: number;
  readonly share: number;
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
