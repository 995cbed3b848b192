/** The grids of generated scans: field of view, spacing, orientation. */
import type { Random } from '../random.ts';
import { affineFromRows } from '../volume/affine.ts';
import { type Grid, type Xyz, xyz } from '../volume/volume.ts';
import { clamp } from './functions.ts';
import { rotation } from './rotation.ts';
import type { Extent } from './shapes.ts';

/** What is wanted of a grid. */
export interface GridOptions {
  /** The spacing in mm (cube root of a voxel's volume) about which the cases vary by an eighth. Default 4. */
  readonly spacingMm?: number;
  /** The number of voxels along the file's axes. Default: what the field of view takes. */
  readonly shape?: Xyz;
}

/** The orientations of files met in practice, by the ends towards which their axes run. */
const ORIENTATIONS = ['LPS', 'LPS', 'LPS', 'RAS', 'LAS', 'LAS', 'RPS', 'RAI', 'LPI', 'ALS'] as const;

/**
 * A grid around the field of view, in one of the usual orientations, in a quarter of the scans a little oblique.
 * A given shape is kept: the spacing then follows the field of view, or `spacingMm` as far as the view stays
 * inside and the slices stay within 1.3 times its height. `originMm` is the world position of the table frame's origin.
 */
export function sampleGrid(view: Extent, originMm: Xyz, options: GridOptions, random: Random): Grid {
  const code = random.pick(ORIENTATIONS);
  const world = [...code].map((letter) => 'RLAPSI'.indexOf(letter) >> 1);
  const sign = [...code].map((letter) => ('RAS'.includes(letter) ? 1 : -1));
  const extent = xyz((axis) => view.max[axis] - view.min[axis]);

  // Slices are thicker than pixels are wide in half of the scans.
  const aspect = Math.max(1, random.uniform(0, 2));
  const mean = (options.spacingMm ?? 4) * random.uniform(7 / 8, 9 / 8);
  const pixel = mean / Math.cbrt(aspect);
  const spacing = [pixel, pixel, pixel * aspect];
  let counts = xyz((axis) => Math.ceil(extent[axis] / spacing[axis]));
  if (options.shape) {
    const { shape } = options;
    counts = xyz((axis) => shape[world.indexOf(axis)]);
    const [x, y, z] = extent.map((mm, axis) => mm / counts[axis]);
    const least = Math.max(x, y);
    const isFree = options.spacingMm === undefined;
    spacing[0] = spacing[1] = isFree ? least : Math.max(pixel, least);
    spacing[2] = isFree ? z : clamp(spacing[2], z, 1.3 * z);
  }

  const tilt = xyz((axis) => random.normal(0, axis === 2 ? 3 : 2));
  const turn = rotation(random.chance(0.25) ? tilt : [0, 0, 0]);
  const rows = turn.map((row, r) => {
    const steps = world.map((axis, i) => row[axis] * sign[i] * spacing[axis]);
    const middle = originMm[r] + (view.min[r] + view.max[r]) / 2;
    const toFirst = steps.reduce((sum, step, i) => sum + (step * (counts[world[i]] - 1)) / 2, 0);
    return [...steps, middle - toFirst];
  });
  return { shape: xyz((i) => counts[world[i]]), affine: affineFromRows(rows) };
}
