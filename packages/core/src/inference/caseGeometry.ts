/**
 * The grids that a scan passes on its way to the network: as it was stored, turned to RAS, cropped to the body,
 * resampled (Gao 2022). They are views: no voxel is moved before it is resampled.
 */
import { croppedGrid } from '../volume/crop.ts';
import { boxInView, type RasView, rasView, type TurnedView } from '../volume/orientation.ts';
import { gridAtSpacing } from '../volume/resampleGrid.ts';
import { type Box, type Grid, type Xyz, xyz } from '../volume/volume.ts';

/** A scan's grids, one after another. */
export interface CaseGeometry {
  /** The grid of the file. */
  readonly scan: Grid;
  /** The scan turned to RAS. */
  readonly ras: RasView;
  /** The body's box in the RAS view; all of the view where the scan holds air alone. */
  readonly box: Box;
  /** The grid of that box's voxels. */
  readonly cropped: Grid;
  /** The grid of the network's spacing about the centre of `cropped`. */
  readonly network: Grid;
}

/** The grids of a scan whose body fills this box of its own axes; null stands for the whole scan. */
export function caseGeometry(scan: Grid, bodyBox: Box | null, spacingMm: Xyz): CaseGeometry {
  const ras = rasView(scan);
  const box = bodyBox ? boxInView(bodyBox, ras) : { min: [0, 0, 0] as const, max: ras.shape };
  const cropped = croppedGrid(ras, box);
  const { shape, affine } = scan;
  return { scan: { shape, affine }, ras, box, cropped, network: gridAtSpacing(cropped, spacingMm) };
}

/** The place of what is segmented in a scan: a box of the scan turned to the tensor's axes, x, y, z being W, H, D. */
export interface PlacedScan {
  /** The grid of the file. */
  readonly scan: Grid;
  readonly turned: TurnedView;
  readonly box: Box;
}

/** The place of a cropped grid in the scan's array: its voxel [x, y, z] lies at start + steps · [x, y, z]. */
export interface CroppedView {
  readonly start: number;
  readonly steps: Xyz;
  readonly shape: Xyz;
}

/** The place of a case's cropped grid in its scan's array. */
export const croppedView = ({ ras, box }: CaseGeometry): CroppedView => viewOfBox(ras, box);

/** The place of a box of a turned grid in the array. */
export function viewOfBox({ start, steps }: TurnedView, { min, max }: Box): CroppedView {
  return {
    start: start + min.reduce((sum, index, axis) => sum + index * steps[axis], 0),
    steps,
    shape: xyz((axis) => max[axis] - min[axis]),
  };
}
