/**
 * Training patches: where they are cut, and what they hold.
 */
import type { Random } from '@organseg/core/random.ts';
import type { PreparedFile, Size } from './preparedFile.ts';

export interface Patch {
  /** [0, 1], D H W. */
  readonly image: Float32Array;
  readonly labels: Uint8Array;
  /** D, H, W of both. */
  readonly size: Size;
}

/** A voxel of an organ, any voxel of the volume, or an organ's with this probability and else the background's. */
export type Centre = 'organ' | 'anywhere' | number;

/**
 * A patch about a random voxel. It is moved to lie inside the volume; where that is smaller, zeros pad it. `box` is cut
 * about the patch's centre instead, zeros beyond the volume; it exceeds the patch by even numbers.
 */
export function samplePatch(
  prepared: PreparedFile,
  patch: Size,
  centre: Centre,
  random: Random,
  box: Size = patch,
): Patch {
  const { size } = prepared;
  const voxel = centreVoxel(prepared, centre, random);
  const [, height, width] = size;
  const at = [Math.floor(voxel / (height * width)), Math.floor(voxel / width) % height, voxel % width];
  const from = size.map((n, axis) => {
    const room = n - patch[axis];
    const first =
      room <= 0 ? Math.ceil(room / 2) : Math.min(room, Math.max(0, at[axis] - Math.floor(patch[axis] / 2)));
    return first - (box[axis] - patch[axis]) / 2;
  }) as unknown as Size;
  return { image: prepared.image(from, box), labels: prepared.labels(from, box), size: box };
}

/** A probability is that of MONAI's RandCropByPosNegLabel. */
function centreVoxel(prepared: PreparedFile, centre: Centre, random: Random): number {
  const { voxels, foregroundVoxels } = prepared;
  if (centre === 'anywhere') return random.int(voxels);
  const wantsForeground = random.chance(centre === 'organ' ? 1 : centre);
  const backgroundVoxels = voxels - foregroundVoxels;
  const foreground = (wantsForeground && foregroundVoxels > 0) || backgroundVoxels === 0;
  return prepared.nthVoxel(random.int(foreground ? foregroundVoxels : backgroundVoxels), foreground);
}
