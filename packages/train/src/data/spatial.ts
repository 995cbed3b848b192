/**
 * Rotation, scaling and elastic deformation of a patch, drawn in millimetres so that voxels need not be cubes.
 *
 *   source − centre = S⁻¹·(s·R)·S·(target − centre) + u(target)      S = diag(spacing), D H W
 */

import { dhwOf } from '@organseg/core/inference/axes.ts';
import { Random } from '@organseg/core/random.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Deformation } from '@organseg/kernels/ops/deform.ts';
import { fromArray } from '@organseg/kernels/tensor.ts';

type Range = readonly [number, number];

export interface SpatialSettings {
  /** One angle about each axis. */
  readonly rotation: { readonly probability: number; readonly degrees: Range };
  /** Scaling; above 1 the patch shows more of the body, and organs are smaller. */
  readonly scaling: { readonly probability: number; readonly factor: Range };
  /** Distance of the control points, and standard deviation of a voxel's displacement along each axis. */
  readonly elastic: {
    readonly probability: number;
    readonly pointsMm: number;
    readonly displacementMm: Range;
  };
}

/** The deformation that is drawn for one patch. */
export interface SpatialDraw {
  /** Matrix from the target to the source, 3 × 3 in mm, D H W, row by row. */
  readonly matrix: readonly number[];
  readonly elastic: {
    readonly pointsMm: number;
    readonly deviationMm: number;
    readonly random: Random;
  } | null;
}

/** The deformation of a patch; null where none of the three happens. What is drawn does not depend on what happens. */
export function drawSpatial(
  { rotation, scaling, elastic }: SpatialSettings,
  random: Random,
): SpatialDraw | null {
  const rotates = random.chance(rotation.probability);
  const angles = [0, 1, 2].map(() => (random.uniform(...rotation.degrees) * Math.PI) / 180);
  const scales = random.chance(scaling.probability);
  const factor = drawFactor(scaling.factor, random);
  const bends = random.chance(elastic.probability);
  const deviationMm = random.uniform(...elastic.displacementMm);
  if (!rotates && !scales && !bends) return null;
  const turned = rotates ? rotationMatrix(angles) : [1, 0, 0, 0, 1, 0, 0, 0, 1];
  return {
    matrix: turned.map((x) => x * (scales ? factor : 1)),
    elastic: bends ? { pointsMm: elastic.pointsMm, deviationMm, random: random.fork('elastic') } : null,
  };
}

/** A factor as nnU-Net draws it: half of those of a range about 1 are below it. */
export function drawFactor([low, high]: Range, random: Random): number {
  const below = random.chance(0.5);
  const place = random.uniform();
  const [from, to] = low < 1 && high > 1 ? (below ? [low, 1] : [1, high]) : [low, high];
  return from + (to - from) * place;
}

/** The rotation about D, H, W in turn, 3 × 3, row by row. */
function rotationMatrix(angles: readonly number[]): number[] {
  const about = (axis: number, angle: number) => {
    const [a, b] = [0, 1, 2].filter((other) => other !== axis) as [number, number];
    const m = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    m[4 * a] = Math.cos(angle);
    m[4 * b] = Math.cos(angle);
    m[3 * a + b] = -Math.sin(angle);
    m[3 * b + a] = Math.sin(angle);
    return m;
  };
  return angles.map((angle, axis) => about(axis, angle)).reduce(multiply);
}

const multiply = (a: readonly number[], b: readonly number[]): number[] =>
  Array.from({ length: 9 }, (_, i) => {
    const [r, c] = [Math.floor(i / 3), i % 3];
    return a[3 * r]! * b[c]! + a[3 * r + 1]! * b[3 + c]! + a[3 * r + 2]! * b[6 + c]!;
  });

/** The matrix of a draw in voxels. */
function voxelMatrix({ matrix }: SpatialDraw, spacingMm: Xyz): number[] {
  const mm = dhwOf(spacingMm);
  return matrix.map((x, i) => (x * mm[i % 3]!) / mm[Math.floor(i / 3)]!);
}

/**
 * The size of the box that must be cut about a patch so that no voxel of the deformed one comes from outside it, but
 * for rare large displacements. It exceeds the patch by even numbers, so that both have one centre.
 */
export function inputSize(draw: SpatialDraw | null, patch: Dhw, spacingMm: Xyz): Dhw {
  if (!draw) return patch;
  const matrix = voxelMatrix(draw, spacingMm);
  const mm = dhwOf(spacingMm);
  return dhw((r) => {
    const n = patch[r];
    const half = patch.reduce((sum, m, c) => sum + (Math.abs(matrix[3 * r + c]!) * (m - 1)) / 2, 0);
    const margin = draw.elastic ? (2.5 * draw.elastic.deviationMm) / mm[r]! : 0;
    const wanted = 2 * Math.ceil(half + margin) + 1;
    return Math.max(n, wanted + ((wanted - n) % 2 === 0 ? 0 : 1));
  });
}

/** The kernel's arguments for a draw. The caller releases `control` after the kernel ran. */
export function deformation(
  gpu: Gpu,
  draw: SpatialDraw,
  { from, to, spacingMm }: { from: Dhw; to: Dhw; spacingMm: Xyz },
): Deformation {
  const matrix = voxelMatrix(draw, spacingMm);
  const offset = dhw(
    (r) => (from[r] - 1) / 2 - to.reduce((sum, m, c) => sum + (matrix[3 * r + c]! * (m - 1)) / 2, 0),
  );
  return {
    matrix,
    offset,
    control: draw.elastic ? controlPoints(gpu, draw.elastic, to, spacingMm) : undefined,
  };
}

/** Standard deviation, along one axis, of a cubic B-spline of independent values of deviation 1: √∫B². */
const SPLINE_DEVIATION = Math.sqrt(151 / 315);

/** Displacements in voxels at the control points, f32 [D, H, W, 4]; the fourth number pads. */
function controlPoints(
  gpu: Gpu,
  { pointsMm, deviationMm, random }: NonNullable<SpatialDraw['elastic']>,
  size: Dhw,
  spacingMm: Xyz,
) {
  const mm = dhwOf(spacingMm);
  const grid = size.map((n, axis) => 3 + Math.max(1, Math.round((n * mm[axis]!) / pointsMm)));
  const values = new Float32Array(4 * grid[0]! * grid[1]! * grid[2]!);
  const own = Random.from(random.state);
  for (let i = 0; i < values.length; i++) {
    const axis = i % 4;
    if (axis < 3) values[i] = own.normal(0, deviationMm / SPLINE_DEVIATION ** 3 / mm[axis]!);
  }
  return fromArray(gpu, values, [...grid, 4]);
}
