/**
 * The geometry of a change of spacing, for the trilinear kernel on the GPU and for label maps here.
 *
 * The new grid has exactly the spacing asked for and the centre of the old one:
 *   nOut = max(1, round(nIn · spacingIn / spacingOut))
 *   source = (dst − (nOut − 1)/2) · spacingOut/spacingIn + (nIn − 1)/2, clamped to [0, nIn − 1]
 * The second line holds both ways, so a grid and its resampled one are each other's source and target.
 */
import { apply, compose, scaleAndShift, spacingOf } from './affine.ts';
import type { Grid, Xyz } from './volume.ts';

/** The nearest whole number. Halves go up, also those that a float32 affine's rounding put a little below. */
const nearest = (value: number): number => Math.floor(value + 0.5 + 1e-4);

/** A map along one axis: source index = scale · target index + offset, to be clamped to the source's edges. */
export interface AxisMap {
  readonly scale: number;
  readonly offset: number;
}

/** The grid with the given spacing (mm) that shares this grid's axes and centre. */
export function gridAtSpacing(grid: Grid, spacingMm: Xyz): Grid {
  const spacing = spacingOf(grid.affine);
  const size = (axis: number) => Math.max(1, nearest((grid.shape[axis] * spacing[axis]) / spacingMm[axis]));
  const shape: Xyz = [size(0), size(1), size(2)];
  const scale = (axis: number) => spacingMm[axis] / spacing[axis];
  const shift = (axis: number) => (grid.shape[axis] - 1) / 2 - scale(axis) * ((shape[axis] - 1) / 2);
  const toSource = scaleAndShift([scale(0), scale(1), scale(2)], [shift(0), shift(1), shift(2)]);
  return { shape, affine: compose(grid.affine, toSource) };
}

/** The maps from indices of `target` to those of `source`, x, y, z. Throws unless they share axes and centre. */
export function axisMaps(source: Grid, target: Grid): readonly [AxisMap, AxisMap, AxisMap] {
  assertConcentric(source, target);
  const from = spacingOf(source.affine);
  const to = spacingOf(target.affine);
  const map = (axis: number): AxisMap => {
    const scale = to[axis] / from[axis];
    return { scale, offset: (source.shape[axis] - 1) / 2 - scale * ((target.shape[axis] - 1) / 2) };
  };
  return [map(0), map(1), map(2)];
}

/** The source index nearest to each target index. */
export function nearestIndices(
  { scale, offset }: AxisMap,
  targetSize: number,
  sourceSize: number,
): Uint32Array {
  return Uint32Array.from({ length: targetSize }, (_, target) =>
    Math.min(sourceSize - 1, Math.max(0, nearest(scale * target + offset))),
  );
}

/** For each index of an axis the sample below its place on another, and the share of the next sample in it. */
export type LinearPairs = readonly (readonly [lower: number, share: number])[];

/** The source index below each target index, and the share of the next one in a linear interpolation. */
export function linearPairs({ scale, offset }: AxisMap, targetSize: number, sourceSize: number): LinearPairs {
  return Array.from({ length: targetSize }, (_, target) => {
    const source = Math.min(sourceSize - 1, Math.max(0, scale * target + offset));
    const lower = Math.floor(source);
    return [lower, source - lower];
  });
}

/** Throws where grids were turned or cropped apart: labels would come to the wrong place, silently. */
function assertConcentric(source: Grid, target: Grid): void {
  const unitAxes = ({ affine }: Grid) => {
    const spacing = spacingOf(affine);
    return [0, 1, 2, 4, 5, 6, 8, 9, 10].map((i) => affine[i] / spacing[i % 4]);
  };
  const centre = ({ affine, shape }: Grid) =>
    apply(affine, [(shape[0] - 1) / 2, (shape[1] - 1) / 2, (shape[2] - 1) / 2]);
  const far = (a: readonly number[], b: readonly number[], tolerance: number) =>
    a.some((value, i) => !(Math.abs(value - b[i]) <= tolerance));
  const tolerance = 1e-3 * Math.min(...spacingOf(source.affine));
  if (far(unitAxes(source), unitAxes(target), 1e-4) || far(centre(source), centre(target), tolerance)) {
    throw new Error('resample: the grids do not share their axes and their centre');
  }
}
