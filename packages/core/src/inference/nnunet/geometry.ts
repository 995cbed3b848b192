/** The grids that a scan passes on nnU-Net's way to the network and back. No voxel is moved before it is resampled. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { affineFromRows, compose, spacingOf } from '../../volume/affine.ts';
import { boxInView, rasView, type TurnedView } from '../../volume/orientation.ts';
import { roundHalfToEven } from '../../volume/roundHalfToEven.ts';
import { type Box, type Grid, type Xyz, xyz } from '../../volume/volume.ts';
import { dhwOf } from '../axes.ts';
import { type CroppedView, type PlacedScan, viewOfBox } from '../caseGeometry.ts';
import type { NnunetPreprocessing, Resampler } from './preprocessing.ts';

/** A scan cropped, turned and transposed, and the network's grid of it. */
export interface NnunetGeometry extends PlacedScan {
  /** Where the cropped scan lies in the array. Its axes x, y, z are the tensor's W, H, D. */
  readonly view: CroppedView;
  /** Size and spacing of the cropped scan. */
  readonly cropped: Dhw;
  readonly spacingMm: Dhw;
  /** Size of the network's grid. */
  readonly network: Dhw;
}

/** `box` is what is kept of the scan, in its array's axes; `spacingMm` is the voxel size that its header states. */
export function nnunetGeometry(
  scan: Grid,
  spacingMm: Xyz,
  box: Box,
  preprocessing: NnunetPreprocessing,
): NnunetGeometry {
  const read = readGrid(scan, spacingMm, preprocessing.reorient);
  const kept = read.boxOf(box);
  // Axis i of the view, x first, is the tensor's axis 2 − i, which is one of z, y, x: 2 − that of x, y, z.
  const source = xyz((i) => 2 - preprocessing.transposeForward[2 - i]!);
  const transposed = (of: Xyz) => xyz((i) => of[source[i]]);
  const rows = [0, 1, 2].map((axis) => [...source.map((from) => Number(from === axis)), 0]);
  const turned: TurnedView = {
    shape: transposed(read.view.shape),
    affine: compose(read.view.affine, affineFromRows(rows)),
    start: read.view.start,
    steps: transposed(read.view.steps),
    from: transposed(read.view.from),
  };
  const turnedBox: Box = { min: transposed(kept.min), max: transposed(kept.max) };
  const view = viewOfBox(turned, turnedBox);
  const cropped = dhwOf(view.shape);
  const spacing = dhwOf(transposed(read.spacingMm));
  const size = (axis: number) =>
    Math.max(1, roundHalfToEven((spacing[axis]! / preprocessing.spacingMm[axis]!) * cropped[axis]!));
  const network: Dhw = [size(0), size(1), size(2)];
  const { shape, affine } = scan;
  return { scan: { shape, affine }, turned, box: turnedBox, view, cropped, spacingMm: spacing, network };
}

/** The scan as nnU-Net's reader gives it: turned to RAS+, or as its array lies. */
function readGrid({ shape, affine }: Grid, spacingMm: Xyz, reorient: boolean) {
  if (!reorient) {
    const steps: Xyz = [1, shape[0], shape[0] * shape[1]];
    const view: TurnedView = { shape, affine, start: 0, steps, from: [0, 1, 2] };
    return { view, spacingMm, boxOf: (box: Box) => box };
  }
  const ras = rasView({ shape, affine });
  // nibabel writes a turned image's voxel sizes, in float32, from its affine.
  const turnedSpacing = spacingOf(ras.affine);
  return {
    view: ras,
    spacingMm: xyz((axis) => Math.fround(turnedSpacing[axis])),
    boxOf: (box: Box) => boxInView(box, ras),
  };
}

/** The axis, 0 to 2 of D, H, W, that is coarse alone and resampled by itself; undefined where there is none. */
export function coarseAxis(
  { forceSeparateZ, separateZThreshold }: Resampler,
  fromMm: Dhw,
  toMm: Dhw,
): 0 | 1 | 2 | undefined {
  const isCoarse = (spacing: Dhw) => Math.max(...spacing) / Math.min(...spacing) > separateZThreshold;
  const decisive = forceSeparateZ === null ? [fromMm, toMm].find(isCoarse) : forceSeparateZ && fromMm;
  if (!decisive) return undefined;
  const coarsest = ([0, 1, 2] as const).filter((axis) => decisive[axis] === Math.max(...decisive));
  return coarsest.length === 1 ? coarsest[0] : undefined;
}
