/** From solids to voxels: Hounsfield units and labels on a grid. */
import { spacingOf } from '../volume/affine.ts';
import type { Grid, Xyz } from '../volume/volume.ts';
import { voxelCount } from '../volume/volume.ts';
import type { Deformation } from './deformation.ts';
import { clamp } from './functions.ts';
import { AIR_HU, type Part } from './parts.ts';
import { newPlace, type Place } from './place.ts';

/** The edge of the blocks whose voxels are looked at or skipped together. */
const BLOCK_MM = 8;

/**
 * Signed distances may grow this much faster than the distance itself (the deformation stretches, and they are
 * first-order): a block is skipped only if its middle is farther than that from a part.
 */
const SLACK = 1.7;

/** What is painted. */
export interface Scene {
  readonly deformation: Deformation;
  /** Fills in a place's distances to the trunk's walls. */
  readonly locateInTrunk: (place: Place) => void;
  /** The parts in the order in which they are painted. */
  readonly parts: readonly Part[];
  /** The world position of the table frame's origin. */
  readonly originMm: Xyz;
}

/**
 * Paints the parts over air, each voxel by the share that a part has of it. The label is the last part that
 * holds the voxel's centre. `grid` is world mm; the table's axes are the world's.
 */
export function voxelise(scene: Scene, grid: Grid): { hu: Float32Array; labels: Uint8Array } {
  const { deformation, locateInTrunk, originMm } = scene;
  const { shape, affine } = grid;
  const spacing = spacingOf(affine);
  const voxelMm = Math.cbrt(spacing[0] * spacing[1] * spacing[2]);
  const place = newPlace(voxelMm);
  const edge = spacing.map((mm) => clamp(Math.round(BLOCK_MM / mm), 4, 24));
  const radius = Math.hypot(...edge.map((n, axis) => (n * spacing[axis]) / 2));

  const hu = new Float32Array(voxelCount(shape)).fill(AIR_HU);
  const labels = new Uint8Array(voxelCount(shape));

  const locate = (i: number, j: number, k: number): void => {
    deformation.locate(
      affine[0] * i + affine[1] * j + affine[2] * k + affine[3] - originMm[0],
      affine[4] * i + affine[5] * j + affine[6] * k + affine[7] - originMm[1],
      affine[8] * i + affine[9] * j + affine[10] * k + affine[11] - originMm[2],
      place,
    );
    locateInTrunk(place);
  };

  for (let k0 = 0; k0 < shape[2]; k0 += edge[2]) {
    for (let j0 = 0; j0 < shape[1]; j0 += edge[1]) {
      for (let i0 = 0; i0 < shape[0]; i0 += edge[0]) {
        locate(i0 + (edge[0] - 1) / 2, j0 + (edge[1] - 1) / 2, k0 + (edge[2] - 1) / 2);
        const near = partsNear(scene.parts, place, radius + voxelMm);
        if (near.length === 0) continue;
        const [i1, j1, k1] = [i0 + edge[0], j0 + edge[1], k0 + edge[2]];
        for (let k = k0; k < Math.min(k1, shape[2]); k++) {
          for (let j = j0; j < Math.min(j1, shape[1]); j++) {
            let index = i0 + shape[0] * (j + shape[1] * k);
            for (let i = i0; i < Math.min(i1, shape[0]); i++, index++) {
              locate(i, j, k);
              let value = AIR_HU;
              let label = 0;
              for (const part of near) {
                const distance = part.solid.distance(place);
                const share = 0.5 - distance / voxelMm;
                if (share <= 0) continue;
                const own = part.hu(place, distance);
                value = share >= 1 ? own : value + share * (own - value);
                if (distance < 0) label = part.label;
              }
              hu[index] = value;
              labels[index] = label;
            }
          }
        }
      }
    }
  }
  return { hu, labels };
}

/** The parts that may show within `radius` of a place, in order; those hidden by a part that fills it left out. */
function partsNear(parts: readonly Part[], place: Place, radius: number): Part[] {
  const reach = SLACK * radius;
  let near: Part[] = [];
  for (const part of parts) {
    const { min, max } = part.solid.bounds;
    if (place.x < min[0] - reach || place.x > max[0] + reach) continue;
    if (place.y < min[1] - reach || place.y > max[1] + reach) continue;
    if (place.z < min[2] - reach || place.z > max[2] + reach) continue;
    const distance = part.solid.distance(place);
    if (distance > reach) continue;
    if (distance < -reach) near = [];
    near.push(part);
  }
  return near;
}
