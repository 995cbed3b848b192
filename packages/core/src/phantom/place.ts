/**
 * A point of the patient, as shapes and tissues see it. One object is moved from voxel to voxel.
 *
 * Frames (all mm, x to the patient's right, y to the front, z to the head):
 * - table: the patient as he lies in the scanner; gravity points to −y.
 * - atlas: the reference adult. Its origin is the middle of the spine at the disc between L1 and L2, and its
 *   spine is straight. Anatomy is written in it.
 */
export interface Place {
  /** The position in the atlas, mm. */
  x: number;
  y: number;
  z: number;
  /** The position on the table, mm. */
  tableX: number;
  tableY: number;
  /** Signed distances in mm, negative inside, to the muscular wall of the trunk and to the cavity within it. */
  wall: number;
  inside: number;
  /** The height in mm over the diaphragm, negative in the abdomen. */
  diaphragm: number;
  /** The place around the trunk: −1 at the back, 0 at the side, +1 at the front. */
  facing: number;
  /** Left by the tube evaluated last: arc length of the nearest point of its axis, and the height (y) above it. */
  along: number;
  above: number;
  /** The size of a voxel (geometric mean): what is thinner blurs into its neighbours. */
  voxelMm: number;
}

export const newPlace = (voxelMm: number): Place => ({
  x: 0,
  y: 0,
  z: 0,
  tableX: 0,
  tableY: 0,
  wall: 0,
  inside: 0,
  diaphragm: 0,
  facing: 0,
  along: 0,
  above: 0,
  voxelMm,
});
