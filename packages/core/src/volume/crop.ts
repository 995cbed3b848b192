/** Cutting a box out of a volume. */
import { compose, scaleAndShift } from './affine.ts';
import { rowExtents } from './bodyRows.ts';
import {
  type Box,
  emptyLike,
  type Grid,
  type Volume,
  type VoxelArray,
  voxelCount,
  type Xyz,
} from './volume.ts';

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
  const { min, max } = box;
  const [width, height] = volume.shape;
  const grid = croppedGrid(volume, box);
  const data = emptyLike(volume.data, voxelCount(grid.shape));
  let to = 0;
  for (let z = min[2]; z < max[2]; z++)
    for (let y = min[1]; y < max[1]; y++, to += grid.shape[0]) {
      const row = width * (y + height * z);
      data.set(volume.data.subarray(row + min[0], row + max[0]), to);
    }
  return { ...grid, data };
}

function boxShape({ min, max }: Box, outer: Xyz): Xyz {
  if ([0, 1, 2].some((axis) => min[axis] < 0 || max[axis] > outer[axis] || min[axis] >= max[axis])) {
    throw new Error(`crop: the box [${min}] to [${max}] does not lie in [${outer}]`);
  }
  return [max[0] - min[0], max[1] - min[1], max[2] - min[2]];
}
