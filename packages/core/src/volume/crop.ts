/** Cutting a box out of a volume, and putting it back. */
import { compose, scaleAndShift } from './affine.ts';
import { rowExtents } from './bodyRows.ts';
import { type Box, emptyLike, type Grid, type Volume, type VoxelArray, type Xyz } from './volume.ts';

/** The smallest box that holds every voxel above the threshold; null where there is none (NaN is not above). */
export const foregroundBox = (volume: Volume, threshold: number): Box | null =>
  rowExtents(volume, threshold).box;

/** The grid of the box's voxels; they keep their place in the world. */
export const croppedGrid = ({ shape, affine }: Grid, box: Box): Grid => ({
  shape: boxShape(box, shape),
  affine: compose(affine, scaleAndShift([1, 1, 1], box.min)),
});

/** The voxels inside the box. */
export function crop<T extends VoxelArray>(volume: Volume<T>, box: Box): Volume<T> {
  const shape = boxShape(box, volume.shape);
  const data = emptyLike(volume.data, shape[0] * shape[1] * shape[2]);
  for (const [inside, outside] of rows(box, volume.shape)) {
    data.set(volume.data.subarray(outside, outside + shape[0]), inside);
  }
  return { ...croppedGrid(volume, box), data };
}

/** The inverse of `crop`: the volume in its box of `grid`, and 0 around it. */
export function paste<T extends VoxelArray>(volume: Volume<T>, box: Box, grid: Grid): Volume<T> {
  const shape = boxShape(box, grid.shape);
  if (shape.some((n, axis) => n !== volume.shape[axis])) {
    throw new Error(`paste: a volume of [${volume.shape}] does not fill a box of [${shape}]`);
  }
  const data = emptyLike(volume.data, grid.shape[0] * grid.shape[1] * grid.shape[2]);
  for (const [inside, outside] of rows(box, grid.shape)) {
    data.set(volume.data.subarray(inside, inside + shape[0]), outside);
  }
  return { shape: grid.shape, affine: grid.affine, data };
}

function boxShape({ min, max }: Box, outer: Xyz): Xyz {
  if ([0, 1, 2].some((axis) => min[axis] < 0 || max[axis] > outer[axis] || min[axis] >= max[axis])) {
    throw new Error(`crop: the box [${min}] to [${max}] does not lie in [${outer}]`);
  }
  return [max[0] - min[0], max[1] - min[1], max[2] - min[2]];
}

/** Where each row along x starts: in the box's own array, and in the outer one. */
function* rows({ min, max }: Box, outer: Xyz): Generator<readonly [number, number]> {
  let inside = 0;
  for (let z = min[2]; z < max[2]; z++) {
    for (let y = min[1]; y < max[1]; y++, inside += max[0] - min[0]) {
      yield [inside, min[0] + outer[0] * (y + outer[1] * z)];
    }
  }
}
