/**
 * The grids that a scan passes on its way to the network: as it was stored, turned to RAS, cropped to the body,
 * resampled (Gao 2022). They are views: no voxel is moved before it is resampled.
 */
import { croppedGrid } from '../volume/crop.ts';
import { boxInView, type RasView, rasView } from '../volume/orientation.ts';
import { gridAtSpacing } from '../volume/resampleGrid.ts';
import type { Box, Grid, Xyz } from '../volume/volume.ts';

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

/** The place of a cropped grid in the scan's array: its voxel [x, y, z] lies at start + steps · [x, y, z]. */
export interface CroppedView {
  readonly start: number;
  readonly steps: Xyz;
  readonly shape: Xyz;
}

/** The place of a case's cropped grid in its scan's array. */
export function croppedView({ ras, box, cropped }: CaseGeometry): CroppedView {
  const start = ras.start + box.min.reduce((sum, index, axis) => sum + index * ras.steps[axis], 0);
  return { start, steps: ras.steps, shape: cropped.shape };
}
