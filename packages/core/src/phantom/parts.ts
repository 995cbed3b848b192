/** What the phantom is composed of: solids with a tissue, painted one over the other. */
import type { Random } from '../random.ts';
import { type Xyz, xyz } from '../volume/volume.ts';
import type { Tissues } from './contrast.ts';
import type { Deformation } from './deformation.ts';
import { clamp, mix } from './functions.ts';
import type { Noise } from './noise.ts';
import type { Patient } from './patient.ts';
import type { Place } from './place.ts';
import type { Knot, Solid } from './shapes.ts';

/** Hounsfield units at a place, given its signed distance to the solid's surface (negative inside). */
export type Material = (p: Place, distance: number) => number;

/** One thing that is painted. */
export interface Part {
  readonly solid: Solid;
  readonly hu: Material;
  /** The organ's id, or 0 for what is not to be segmented. */
  readonly label: number;
}

/** What the builders of the anatomy share. */
export interface Build {
  readonly patient: Patient;
  readonly tissues: Tissues;
  readonly deformation: Deformation;
  readonly noise: Noise;
  /** The random stream of one organ, so that a change of one organ leaves the others as they are. */
  readonly stream: (organ: string) => Random;
}

export const FAT_HU = -104;
export const AIR_HU = -1000;

/** The share of a voxel at this signed distance that lies inside: a voxel-wide ramp, the partial volume effect. */
export const coverage = (distance: number, voxelMm: number): number => clamp(0.5 - distance / voxelMm, 0, 1);

/** The same HU throughout. */
export const plain =
  (hu: number): Material =>
  () =>
    hu;

/** A wall of the given thickness around a content. */
export const hollow =
  (wallMm: number, wallHu: number, content: Material): Material =>
  (p, distance) => {
    const inner = coverage(distance + wallMm, p.voxelMm);
    return inner === 0 ? wallHu : mix(wallHu, content(p, distance + wallMm), inner);
  };

/** Knots with their radii multiplied by `grow`, all moved together by `offset` and each on its own by `jitterMm`. */
export function varied(
  knots: readonly Knot[],
  random: Random,
  { grow = 1, jitterMm = 2, offset = [0, 0, 0] as Xyz } = {},
): Knot[] {
  return knots.map(([x, y, z, radius]) => [
    x + offset[0] + random.normal(0, jitterMm),
    y + offset[1] + random.normal(0, jitterMm),
    z + offset[2] + random.normal(0, jitterMm),
    radius * grow * clamp(random.normal(1, 0.06), 0.85, 1.15),
  ]);
}

/** A random offset in mm with the given deviations. */
export const offsetOf = (random: Random, deviation: Xyz): Xyz =>
  xyz((axis) => random.normal(0, deviation[axis]));

/**
 * The factor for an organ's radii: its volume against the atlas's is log-normal with this deviation, whatever
 * the size of the trunk around it (large patients have more fat, not larger organs).
 */
export function growth(patient: Patient, random: Random, deviation: number): number {
  const [x, y, z] = patient.scale;
  const volume = Math.exp(clamp(random.normal(0, deviation), -1.8 * deviation, 1.8 * deviation));
  return Math.cbrt(volume / (x * y * z) ** 0.8);
}
