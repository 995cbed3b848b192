/**
 * TotalSegmentator's cut of very large scans in three along z, each of which its models see by itself: windows lie
 * otherwise than in the whole scan, and so do labels. From its `nnunet.py`.
 */
import { voxelCount, type Xyz } from '@organseg/core/volume/volume.ts';

/** Planes along z, from the first to behind the last. */
export type Planes = readonly [from: number, to: number];

/** A piece of a scan: the planes that models see, and those whose labels are kept. */
export interface Piece {
  readonly seen: Planes;
  readonly kept: Planes;
}

/** The most voxels of a scan that is done whole. */
const MOST_VOXELS = 512 * 512 * 900;
/** The most planes of a scan that is done whole, however many voxels it has. */
const MOST_PLANES = 200;
/** Planes that a piece sees beyond those that it keeps; one fewer below them. */
const MARGIN = 20;

/** The one piece that a scan of this shape is done in where it is done whole. */
export const whole = ([, , nz]: Xyz): Piece[] => [{ seen: [0, nz], kept: [0, nz] }];

/** The pieces that a scan of this shape, on the models' grid, is done in: three, or itself. */
export function thirdsOf(shape: Xyz): Piece[] {
  const nz = shape[2];
  if (voxelCount(shape) <= MOST_VOXELS || nz <= MOST_PLANES) return whole(shape);
  const third = Math.floor(nz / 3);
  return [
    { seen: [0, third + MARGIN], kept: [0, third] },
    { seen: [third + 1 - MARGIN, 2 * third + MARGIN], kept: [third, 2 * third] },
    { seen: [2 * third + 1 - MARGIN, nz], kept: [2 * third, nz] },
  ];
}
