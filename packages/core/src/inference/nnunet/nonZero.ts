/** What nnU-Net keeps of a scan: the voxels that are not 0 in some channel, their box, and what they enclose. */
import { fillHoles } from '../../volume/components.ts';
import { type Box, type Grid, type VoxelArray, voxelCount, type Xyz } from '../../volume/volume.ts';

/** The smallest box around the voxels that are not 0 in some channel, in the array's axes; all where there is none. */
export function nonZeroBox(channels: readonly VoxelArray[], [nx, ny, nz]: Xyz): Box {
  const min: [number, number, number] = [nx, ny, nz];
  const max: [number, number, number] = [0, 0, 0];
  for (const data of channels)
    for (let z = 0, row = 0; z < nz; z++)
      for (let y = 0; y < ny; y++, row += nx) {
        let first = 0;
        while (first < nx && data[row + first] === 0) first++;
        if (first === nx) continue;
        let last = nx - 1;
        while (data[row + last] === 0) last--;
        [first, y, z].forEach((at, axis) => {
          min[axis] = Math.min(min[axis], at);
        });
        [last, y, z].forEach((at, axis) => {
          max[axis] = Math.max(max[axis], at + 1);
        });
      }
  return max[2] === 0 ? { min: [0, 0, 0], max: [nx, ny, nz] } : { min, max };
}

/** 1 for voxels that are not 0 in some channel or are enclosed by such, laid out as the channels; else 0. */
export function nonZeroMask(channels: readonly VoxelArray[], { shape }: Grid): Uint8Array {
  const mask = new Uint8Array(voxelCount(shape));
  for (const data of channels) for (let i = 0; i < mask.length; i++) if (data[i] !== 0) mask[i] = 1;
  fillHoles({ shape, data: mask }, [1]);
  return mask;
}
