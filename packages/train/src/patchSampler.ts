/**
 * Training patches: where they are cut, and what they hold.
 */
import type { Random } from '@organseg/core/random.ts';
import type { PreparedFile, Size } from './preparedFile.ts';

export interface Patch {
  /** [0, 1], D H W. */
  readonly image: Float32Array;
  readonly labels: Uint8Array;
}

/**
 * A patch whose centre is, with the given probability, a random voxel of an organ, else one of background
 * (MONAI's RandCropByPosNegLabel). It is moved to lie inside the volume; where that is smaller, zeros pad it.
 */
export function samplePatch(
  prepared: PreparedFile,
  patch: Size,
  foregroundProbability: number,
  random: Random,
): Patch {
  const { size, voxels, foregroundVoxels } = prepared;
  const wantsForeground = random.chance(foregroundProbability);
  const backgroundVoxels = voxels - foregroundVoxels;
  const foreground = (wantsForeground && foregroundVoxels > 0) || backgroundVoxels === 0;
  const centre = prepared.nthVoxel(random.int(foreground ? foregroundVoxels : backgroundVoxels), foreground);
  const [, height, width] = size;
  const at = [Math.floor(centre / (height * width)), Math.floor(centre / width) % height, centre % width];
  const from = size.map((n, axis) => {
    const room = n - patch[axis];
    if (room <= 0) return Math.ceil(room / 2);
    return Math.min(room, Math.max(0, at[axis] - Math.floor(patch[axis] / 2)));
  }) as unknown as Size;
  return { image: prepared.image(from, patch), labels: prepared.labels(from, patch) };
}
