/** Training patches: where they are cut, and what they hold. */

import { Random, type RandomState } from '@organseg/core/random.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { PreparedPaths } from './openPreparedCase.ts';
import type { PreparedCase } from './preparedCase.ts';

export interface Patch {
  /** The values of one channel after another, D H W. */
  readonly image: Float32Array;
  /** D H W */
  readonly labels: Uint8Array;
  /** Size of both. */
  readonly size: Dhw;
}

/**
 * The voxel that a patch is centred on. `organ`: a voxel of an organ that is drawn first, so that small organs come as
 * often as large ones (nnU-Net's oversampling). `anywhere`: any voxel of the volume. A number: with this probability
 * a voxel of the organs, else of the background (MONAI's RandCropByPosNegLabel). Where a case lacks the one kind of
 * voxel, the other serves.
 */
export type Centre = 'organ' | 'anywhere' | number;

/**
 * A patch about a random voxel. It is moved to lie inside the volume; where that is smaller, zeros pad it. `box` is cut
 * about the patch's centre instead, zeros beyond the volume; it exceeds the patch by even numbers.
 */
export function samplePatch(
  prepared: PreparedCase,
  patch: Dhw,
  centre: Centre,
  random: Random,
  box: Dhw = patch,
): Patch {
  const { size } = prepared;
  const voxel = centreVoxel(prepared, centre, random);
  const [, height, width] = size;
  const at = [Math.floor(voxel / (height * width)), Math.floor(voxel / width) % height, voxel % width];
  const from = dhw((axis) => {
    const room = size[axis] - patch[axis];
    const first =
      room <= 0 ? Math.ceil(room / 2) : Math.min(room, Math.max(0, at[axis] - Math.floor(patch[axis] / 2)));
    return first - (box[axis] - patch[axis]) / 2;
  });
  return { image: prepared.image(from, box), labels: prepared.labels(from, box), size: box };
}

/** A patch that is to be cut of a case. */
export interface PatchRequest {
  readonly paths: PreparedPaths;
  readonly patch: Dhw;
  readonly centre: Centre;
  /** Size of what is cut about the patch's centre, at least the patch's. */
  readonly size: Dhw;
  readonly random: RandomState;
}

export interface SampledPatch extends Patch {
  /** State of the generator behind the numbers that were drawn. */
  readonly random: RandomState;
}

/** What reads and cuts patches. Whoever opens it closes it. */
export interface PatchCutter {
  /** Throws InputError where a file of the case is broken. */
  sample(request: PatchRequest): Promise<SampledPatch>;
  close(): Promise<void>;
}

/** The patch that is asked for, of its open case. */
export function cutPatch(
  prepared: PreparedCase,
  { patch, centre, size, random: state }: PatchRequest,
): SampledPatch {
  const random = Random.from(state);
  const sampled = samplePatch(prepared, patch, centre, random, size);
  return { ...sampled, random: random.state };
}

function centreVoxel(prepared: PreparedCase, centre: Centre, random: Random): number {
  const { voxels, labelVoxels } = prepared;
  const background = labelVoxels[0];
  const inOrgans = voxels - background - labelVoxels[IGNORED]; // ignored voxels come behind those of all organs
  if (centre === 'organ' && inOrgans > 0) {
    const organs = [...labelVoxels.keys()].filter(
      (label) => label > 0 && label !== IGNORED && labelVoxels[label] > 0,
    );
    const organ = organs[random.int(organs.length)];
    return prepared.nthVoxel(organ, random.int(labelVoxels[organ]));
  }
  if (typeof centre !== 'number') return random.int(voxels);
  const wantsOrgans = random.chance(centre);
  if (inOrgans === 0 && background === 0) return random.int(voxels); // all is ignored
  return (wantsOrgans && inOrgans > 0) || background === 0
    ? prepared.nthVoxel(1, random.int(inOrgans))
    : prepared.nthVoxel(0, random.int(background));
}
