/**
 * Training patches: where they are cut, and what they hold.
 */
import { cut } from '@organseg/core/inference/slidingWindow.ts';
import type { Random } from '@organseg/core/random.ts';
import { fromUint16, type PreparedCase } from './caseStore.ts';

type Size = readonly [number, number, number];

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
  prepared: PreparedCase,
  patch: Size,
  foregroundProbability: number,
  random: Random,
): Patch {
  const { size, labels, foregroundVoxels } = prepared;
  const wantsForeground = random.chance(foregroundProbability);
  const backgroundVoxels = labels.length - foregroundVoxels;
  const foreground = (wantsForeground && foregroundVoxels > 0) || backgroundVoxels === 0;
  const centre = nth(labels, random.int(foreground ? foregroundVoxels : backgroundVoxels), foreground);
  const [, height, width] = size;
  const at = [Math.floor(centre / (height * width)), Math.floor(centre / width) % height, centre % width];
  const from = size.map((n, axis) => {
    const room = n - patch[axis];
    if (room <= 0) return Math.ceil(room / 2);
    return Math.min(room, Math.max(0, at[axis] - Math.floor(patch[axis] / 2)));
  }) as unknown as Size;
  return {
    image: Float32Array.from(cut(prepared.image, size, from, patch), fromUint16),
    labels: cut(labels, size, from, patch),
  };
}

/** The index of the n-th voxel that is foreground, or background. */
function nth(labels: Uint8Array, n: number, foreground: boolean): number {
  for (let i = 0, seen = 0; i < labels.length; i++) {
    if (labels[i] > 0 === foreground && seen++ === n) return i;
  }
  throw new Error('patch sampler: fewer voxels than counted');
}
