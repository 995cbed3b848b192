/**
 * Orientation: which world axis each voxel axis runs along, and turning a volume to RAS+ and back by permuting
 * and flipping its axes. Nothing is interpolated: an oblique grid stays oblique, its axes only change names.
 */
import { affineFromRows, compose, invert, scaleAndShift, spacingOf } from './affine.ts';
import {
  type Affine,
  type Box,
  emptyLike,
  type Grid,
  type Volume,
  type VoxelArray,
  type Xyz,
  xyz,
} from './volume.ts';

/** Voxel axis i runs along world axis `world[i]` (0 x, 1 y, 2 z), towards its negative end where `flipped[i]`. */
export interface Orientation {
  readonly world: Xyz;
  readonly flipped: readonly [boolean, boolean, boolean];
}

/**
 * The orientation of an affine, as nibabel's io_orientation: of the rotation nearest to the unit axes (which
 * takes shear out), the voxel axis that lies closest to a world axis chooses first.
 */
function orientationOf(affine: Affine): Orientation {
  const rotation = nearestRotation(affine);
  const along = (voxelAxis: number, worldAxis: number) => rotation[worldAxis * 4 + voxelAxis];
  const dominance = (axis: number) => Math.max(...[0, 1, 2].map((w) => along(axis, w) ** 2));

  const world: [number, number, number] = [0, 0, 0];
  const flipped: [boolean, boolean, boolean] = [false, false, false];
  const free = [0, 1, 2];
  for (const axis of [0, 1, 2].sort((a, b) => dominance(b) - dominance(a))) {
    const best = free.reduce((a, b) => (Math.abs(along(axis, b)) > Math.abs(along(axis, a)) ? b : a));
    world[axis] = best;
    flipped[axis] = along(axis, best) < 0;
    free.splice(free.indexOf(best), 1);
  }
  return { world, flipped };
}

/** Three letters, the end towards which each voxel axis runs: `RAS`, `LPS`, … as nibabel's aff2axcodes. */
export function axisCodes(affine: Affine): string {
  const { world, flipped } = orientationOf(affine);
  return world.map((w, axis) => (flipped[axis] ? 'LPI' : 'RAS')[w]).join('');
}

/** A grid with its axes turned, and where its voxels lie in the array as it was: data[start + steps · index]. */
export interface TurnedView extends Grid {
  readonly start: number;
  readonly steps: Xyz;
  /** The axis of the array that each axis runs along. */
  readonly from: Xyz;
}

/** A grid turned to RAS+: each axis runs along a world axis. */
export interface RasView extends TurnedView {
  /** Whether each runs against the array's axis. */
  readonly flipped: readonly [boolean, boolean, boolean];
}

/** A view of a volume in RAS+, without turning it. */
export function rasView(grid: Grid): RasView {
  const { world, flipped } = orientationOf(grid.affine);
  const from = xyz((w) => world.indexOf(w));
  const strides = stridesOf(grid.shape);
  const steps = xyz((w) => (flipped[from[w]] ? -1 : 1) * strides[from[w]]);
  const shape = xyz((w) => grid.shape[from[w]]);
  return {
    shape,
    affine: compose(grid.affine, toVoxels(grid.shape, world, flipped)),
    start: steps.reduce((sum, step, axis) => sum + (step < 0 ? -step * (shape[axis] - 1) : 0), 0),
    steps,
    from,
    flipped: [flipped[from[0]], flipped[from[1]], flipped[from[2]]],
  };
}

/** A box of a volume's own axes, in those of its view. */
export function boxInView({ min, max }: Box, view: RasView): Box {
  const { from, flipped, shape } = view;
  return {
    min: xyz((w) => (flipped[w] ? shape[w] - max[from[w]] : min[from[w]])),
    max: xyz((w) => (flipped[w] ? shape[w] - min[from[w]] : max[from[w]])),
  };
}

/** A box of a view's axes, in those of its volume. */
export function boxOfView({ min, max }: Box, { from, flipped, shape }: RasView): Box {
  const along = (axis: number) => from.indexOf(axis);
  const low = (w: number) => (flipped[w] ? shape[w] - max[w] : min[w]);
  const high = (w: number) => (flipped[w] ? shape[w] - min[w] : max[w]);
  return { min: xyz((axis) => low(along(axis))), max: xyz((axis) => high(along(axis))) };
}

/** The volume with its axes turned to RAS+. The same object where they are already. */
export function toRas<T extends VoxelArray>(volume: Volume<T>): Volume<T> {
  if (axisCodes(volume.affine) === 'RAS') return volume;
  const { shape, affine, steps } = rasView(volume);
  return { shape, affine, data: turned(volume.data, shape, steps) };
}

const stridesOf = (shape: Xyz): Xyz => [1, shape[0], shape[0] * shape[1]];

/** RAS index → index in the volume that has this orientation. */
function toVoxels(shape: Xyz, world: Xyz, flipped: Orientation['flipped']): Affine {
  const rows = [0, 1, 2].map((axis) => {
    const row = [0, 0, 0, flipped[axis] ? shape[axis] - 1 : 0];
    row[world[axis]] = flipped[axis] ? -1 : 1;
    return row;
  });
  return affineFromRows(rows);
}

/** out[x, y, z] = data[start + x·steps[0] + y·steps[1] + z·steps[2]]; a negative step starts from the far end. */
function turned<T extends VoxelArray>(data: T, shape: Xyz, steps: Xyz): T {
  const out = emptyLike(data, data.length);
  const start = steps.reduce((sum, step, axis) => sum + (step < 0 ? -step * (shape[axis] - 1) : 0), 0);
  const [stepX, stepY, stepZ] = steps;
  let to = 0;
  for (let z = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      let from = start + y * stepY + z * stepZ;
      for (let x = 0; x < shape[0]; x++, from += stepX) out[to++] = data[from];
    }
  }
  return out;
}

/** The orthogonal factor of the polar decomposition of the unit axes, by Newton's iteration X ← (X + X⁻ᵀ)/2. */
function nearestRotation(affine: Affine): Affine {
  const spacing = spacingOf(affine);
  let x = compose(affine, scaleAndShift([1 / spacing[0], 1 / spacing[1], 1 / spacing[2]], [0, 0, 0]));
  for (let pass = 0, change = 1; pass < 50 && change > 1e-15; pass++) {
    const inverse = invert(x);
    const next = new Float64Array(x);
    change = 0;
    for (const row of [0, 1, 2]) {
      for (const column of [0, 1, 2]) {
        const i = row * 4 + column;
        next[i] = (x[i] + inverse[column * 4 + row]) / 2;
        change = Math.max(change, Math.abs(next[i] - x[i]));
      }
    }
    x = next;
  }
  return x;
}
