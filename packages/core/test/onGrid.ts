/** Twin of turning, cropping and nearest resampling: voxels are looked up by their place in the world. */
import { apply, compose, invert } from '../src/volume/affine.ts';
import { emptyLike, type Grid, type Volume, type VoxelArray, voxelCount, xyz } from '../src/volume/volume.ts';

/**
 * The volume on another grid: at each voxel the nearest of the volume's, halves upwards along its axes. Beyond the
 * volume lies background, or its edge goes on.
 */
export function onGrid<T extends VoxelArray>(
  { shape, affine, data }: Volume<T>,
  grid: Grid,
  beyond: 'background' | 'edge',
): Volume<T> {
  const toVolume = compose(invert(affine), grid.affine);
  const result = emptyLike(data, voxelCount(grid.shape));
  let to = 0;
  for (let z = 0; z < grid.shape[2]; z++)
    for (let y = 0; y < grid.shape[1]; y++)
      for (let x = 0; x < grid.shape[0]; x++, to++) {
        const place = apply(toVolume, [x, y, z]);
        const voxel = xyz((axis) => Math.floor(place[axis] + 0.5 + 1e-4));
        const inside = xyz((axis) => Math.min(shape[axis] - 1, Math.max(0, voxel[axis])));
        if (beyond === 'background' && voxel.some((index, axis) => index !== inside[axis])) continue;
        result[to] = data[inside[0] + shape[0] * (inside[1] + shape[1] * inside[2])];
      }
  return { shape: grid.shape, affine: grid.affine, data: result };
}
