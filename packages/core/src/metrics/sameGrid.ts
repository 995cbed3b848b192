/** Whether two label maps lie on one grid, as a comparison needs. */
import { InputError } from '../inputError.ts';
import { apply, spacingOf } from '../volume/affine.ts';
import type { Grid, Xyz } from '../volume/volume.ts';

/**
 * The distance, in voxels, that a voxel of one map may lie from that of the other: programs round affines differently, and
 * a quaternion in float32 turns the far end of a volume by a little.
 */
const MAX_SHIFT = 0.1;

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
  // Two affines differ most at a corner.
  const shiftMm = Math.max(
    ...corners(reference.shape).map((corner) => {
      const [a, b] = [apply(reference.affine, corner), apply(prediction.affine, corner)];
      return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    }),
  );
  if (shiftMm <= MAX_SHIFT * Math.min(...spacingOf(reference.affine))) return;
  throw new InputError(
    `${predictionName} has another affine than its reference ${referenceName}: voxels lie up to ${shiftMm.toPrecision(3)} mm apart`,
  );
}

/** The voxels at the corners of a grid. */
function corners([nx, ny, nz]: Xyz): Xyz[] {
  const [xs, ys, zs] = [nx, ny, nz].map((n) => [0, n - 1]);
  return xs.flatMap((x) => ys.flatMap((y) => zs.map((z): Xyz => [x, y, z])));
}
