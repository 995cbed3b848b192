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
  /** D, H, W of both. */
  readonly size: Size;
}

/**
 * A patch whose centre is, with the given probability, a random voxel of an organ, else one of background
 * (MONAI's RandCropByPosNegLabel). It is moved to lie inside the volume; where that is smaller, zeros pad it.
 * `size` is cut about the patch's centre instead, zeros beyond the volume; it exceeds the patch by even numbers.
 */
export function samplePatch(
  prepared: PreparedCase,
  patch: Size,
  foregroundProbability: number,
  random: Random,
  size: Size = patch,
): Patch {
  const { size: whole, labels, foregroundVoxels } = prepared;
  const wantsForeground = random.chance(foregroundProbability);
  const backgroundVoxels = labels.length - foregroundVoxels;
  const foreground = (wantsForeground && foregroundVoxels > 0) || backgroundVoxels === 0;
  const centre = nth(labels, random.int(foreground ? foregroundVoxels : backgroundVoxels), foreground);
  const [, height, width] = whole;
  const at = [Math.floor(centre / (height * width)), Math.floor(centre / width) % height, centre % width];
  const from = whole.map((n, axis) => {
    const room = n - patch[axis];
    const first =
      room <= 0 ? Math.ceil(room / 2) : Math.min(room, Math.max(0, at[axis] - Math.floor(patch[axis] / 2)));
    return first - (size[axis] - patch[axis]) / 2;
  }) as unknown as Size;
  return {
    image: Float32Array.from(cut(prepared.image, whole, from, size), fromUint16),
    labels: cut(labels, whole, from, size),
    size,
  };
}

/** The index of the n-th voxel that is foreground, or background. */
function nth(labels: Uint8Array, n: number, foreground: boolean): number {
  for (let i = 0, seen = 0; i < labels.length; i++) {
    if (labels[i] > 0 === foreground && seen++ === n) return i;
  }
  throw new Error('patch sampler: fewer voxels than counted');
}
