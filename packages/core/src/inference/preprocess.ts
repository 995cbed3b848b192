/**
 * From a scan as it was stored to what the network sees, whole: for training. `scanStream.ts` does it by slabs.
 * Gao 2022: RAS, crop to the body, resample (trilinear), intensity window.
 */

import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { type IntensityWindow, windowIntensity } from '@organseg/kernels/ops/intensity.ts';
import { trilinear } from '@organseg/kernels/ops/resample.ts';
import { downloadF32, empty, fromArray, release } from '@organseg/kernels/tensor.ts';
import { crop, croppedGrid, foregroundBox } from '../volume/crop.ts';
import { nonFiniteToAir } from '../volume/hounsfield.ts';
import { boxInView, type RasView, rasView, toRas } from '../volume/orientation.ts';
import { axisMaps, gridAtSpacing, resampleNearest } from '../volume/resampleGrid.ts';
import type { Box, Grid, Volume, Xyz } from '../volume/volume.ts';
import { dhwOf } from './axes.ts';

export interface Preprocessing {
  /** Of the network's grid, x y z. */
  readonly spacingMm: Xyz;
  /** In HU. */
  readonly intensity: IntensityWindow;
}

/** Where a preprocessed volume came from: each grid in turn. */
export interface CaseGeometry {
  readonly scan: Grid;
  /** The scan turned to RAS. */
  readonly ras: RasView;
  /** The body's box in it; all of it where the scan holds air alone. */
  readonly box: Box;
  /** What is left after cropping, and after resampling. */
  readonly cropped: Grid;
  readonly network: Grid;
}

export interface PreparedScan {
  /** Intensities in [0, 1] on the network's grid. */
  readonly image: Volume<Float32Array>;
  readonly geometry: CaseGeometry;
  /** Voxels that were NaN or infinite, and became air. */
  readonly nonFiniteVoxels: number;
}

/** The grids of a scan whose body fills this box of its own axes (all of it where there is none). */
export function caseGeometry(scan: Grid, bodyBox: Box | null, spacingMm: Xyz): CaseGeometry {
  const ras = rasView(scan);
  const box = bodyBox ? boxInView(bodyBox, ras) : { min: [0, 0, 0] as const, max: ras.shape };
  const cropped = croppedGrid(ras, box);
  return { scan: gridOf(scan), ras, box, cropped, network: gridAtSpacing(cropped, spacingMm) };
}

/** Prepares a scan in HU. Voxels that are not finite become air, in place. */
export async function prepareScan(
  gpu: Gpu,
  scan: Volume,
  { spacingMm, intensity }: Preprocessing,
): Promise<PreparedScan> {
  const nonFiniteVoxels = nonFiniteToAir(scan.data);
  // Above the window's low end, which becomes 0.
  const geometry = caseGeometry(scan, foregroundBox(scan, intensity.low), spacingMm);
  const { box, network } = geometry;
  const data = await resampled(gpu, crop(toRas(scan), box), network, intensity);
  return { image: { ...network, data }, geometry, nonFiniteVoxels };
}

async function resampled(
  gpu: Gpu,
  scan: Volume,
  grid: Grid,
  intensity: IntensityWindow,
): Promise<Float32Array> {
  const tensors = [fromArray(gpu, Float32Array.from(scan.data), dhwOf(scan.shape))];
  try {
    const target = empty(gpu, dhwOf(grid.shape));
    tensors.push(target);
    const [x, y, z] = axisMaps(scan, grid);
    const { launches, scratch } = trilinear(gpu, { input: tensors[0], output: target, maps: [z, y, x] });
    tensors.push(...scratch);
    runOnce(gpu, [...launches, ...windowIntensity(gpu, target, intensity)]);
    return await downloadF32(gpu, target);
  } finally {
    release(gpu, ...tensors); // also where memory ran out, so that a coarser grid can be tried
  }
}

/** A label map of the scan's grid, on the network's. */
export function prepareLabels(labels: Volume<Uint8Array>, geometry: CaseGeometry): Volume<Uint8Array> {
  return resampleNearest(crop(toRas(labels), geometry.box), geometry.network);
}

const gridOf = ({ shape, affine }: Grid): Grid => ({ shape, affine });
