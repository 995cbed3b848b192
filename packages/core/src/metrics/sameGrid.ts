/** Whether two label maps lie on one grid, as a comparison needs. */
import { InputError } from '../inputError.ts';
import { greatestShiftMm, spacingOf } from '../volume/affine.ts';
import type { Grid } from '../volume/volume.ts';

/**
 * The distance, in voxels, that a voxel of one map may lie from that of the other: programs round affines differently, and
 * a quaternion in float32 turns the far end of a volume by a little.
 */
const MAX_SHIFT = 0.1;

/** Whether two grids have the same shape and their voxels lie in one place. */
export const isSameGrid = (one: Grid, other: Grid): boolean =>
  one.shape.every((n, axis) => n === other.shape[axis]) && shiftVoxels(one, other) <= MAX_SHIFT;

/** The distance of the voxels that lie farthest apart, in those of the first grid. */
const shiftVoxels = (one: Grid, other: Grid): number =>
  greatestShiftMm(one.shape, one.affine, other.affine) / Math.min(...spacingOf(one.affine));

/** Throws InputError, naming both, unless the two maps have the same shape and their voxels lie in one place. */
export function assertSameGrid(
  reference: Grid,
  referenceName: string,
  prediction: Grid,
  predictionName: string,
): void {
  const size = ({ shape }: Grid) => `${shape.join('×')} voxels`;
  if (reference.shape.some((n, axis) => n !== prediction.shape[axis])) {
    throw new InputError(
      `${predictionName} has ${size(prediction)}, its reference ${referenceName} has ${size(reference)}`,
    );
  }
  if (isSameGrid(reference, prediction)) return;
  const shiftMm = greatestShiftMm(reference.shape, reference.affine, prediction.affine);
  throw new InputError(
    `${predictionName} has another affine than its reference ${referenceName}: voxels lie up to ${shiftMm.toPrecision(3)} mm apart`,
  );
}
