/**
 * Distances between two surfaces, measured once, and the figures that follow from them. The record, the formulas
 * and what they give for empty surfaces are those of google-deepmind/surface-distance.
 */
import type { Xyz } from '../volume/volume.ts';
import { squaredDistances } from './distanceTransform.ts';
import { forEachElement, type Surface } from './surface.ts';
import { surfaceAreas } from './surfaceArea.ts';

/** The elements of one surface, nearest first: the distance to the other surface, and each one's area. */
export interface ElementDistances {
  readonly distancesMm: Float64Array;
  readonly areasMm2: Float64Array;
}

/** The distances between two surfaces. */
export interface SurfaceDistances {
  /** Those from the reference's surface to the prediction's. */
  readonly reference: ElementDistances;
  /** Those from the prediction's surface to the reference's. */
  readonly prediction: ElementDistances;
}

/** A figure for both directions. */
export interface BothWays {
  readonly referenceToPrediction: number;
  readonly predictionToReference: number;
}

/** Measures two surfaces cut from the same box. A surface that is absent is infinitely far. */
export function surfaceDistances(reference: Surface, prediction: Surface, spacingMm: Xyz): SurfaceDistances {
  return {
    reference: elementDistances(reference, prediction, spacingMm),
    prediction: elementDistances(prediction, reference, spacingMm),
  };
}

/** The mean distance in mm, weighted by area; NaN from an empty surface, Infinity to one. */
export function averageSurfaceDistance(distances: SurfaceDistances): BothWays {
  return bothWays(distances, ({ distancesMm, areasMm2 }) => {
    const weighted = areasMm2.map((area, i) => area * distancesMm[i]);
    return sum(weighted) / sum(areasMm2);
  });
}

/**
 * The Hausdorff distance in mm at a percentile (0 to 100) of the surface area, the greater of both directions;
 * Infinity where a surface is empty.
 */
export function hausdorffDistance(distances: SurfaceDistances, percentile: number): number {
  const { referenceToPrediction, predictionToReference } = bothWays(
    distances,
    ({ distancesMm, areasMm2 }) => {
      if (distancesMm.length === 0) return Infinity;
      const total = sum(areasMm2);
      let reached = 0;
      const at = areasMm2.findIndex((area) => {
        reached += area;
        return reached / total >= percentile / 100;
      });
      // Rounding may leave the sum short of 100 %.
      return distancesMm.at(at)!;
    },
  );
  return Math.max(referenceToPrediction, predictionToReference);
}

/** The share of each surface's area that lies within the tolerance of the other; NaN for an empty surface. */
export function surfaceOverlap(distances: SurfaceDistances, toleranceMm: number): BothWays {
  return bothWays(distances, (elements) => areaWithin(elements, toleranceMm) / totalArea(elements));
}

/** The area of a surface in mm². */
export function totalArea({ areasMm2 }: ElementDistances): number {
  return sum(areasMm2);
}

function areaWithin({ distancesMm, areasMm2 }: ElementDistances, toleranceMm: number): number {
  const beyond = distancesMm.findIndex((distance) => distance > toleranceMm);
  return sum(beyond < 0 ? areasMm2 : areasMm2.subarray(0, beyond));
}

function bothWays(
  { reference, prediction }: SurfaceDistances,
  measure: (elements: ElementDistances) => number,
): BothWays {
  return { referenceToPrediction: measure(reference), predictionToReference: measure(prediction) };
}

function elementDistances(surface: Surface, other: Surface, spacingMm: Xyz): ElementDistances {
  const areas = surfaceAreas(spacingMm);
  const squares = squaredDistances(other, spacingMm);
  const [nx, ny] = surface.shape;
  const distances: number[] = [];
  const codes: number[] = [];
  forEachElement(surface, (x, y, z, code) => {
    distances.push(Math.sqrt(squares[x + nx * (y + ny * z)]));
    codes.push(code);
  });
  // Elements at the same distance by area, so that a percentile does not depend on the order of voxels.
  const area = (i: number) => areas[codes[i]];
  const order = Uint32Array.from(codes.keys()).sort((i, j) =>
    distances[i] === distances[j] ? area(i) - area(j) : distances[i] - distances[j],
  );
  return {
    distancesMm: Float64Array.from(order, (i) => distances[i]),
    areasMm2: Float64Array.from(order, area),
  };
}

/** Kahan's sum: plain addition of the same few areas 10⁵ times over would drift past 1e-12. */
function sum(values: Float64Array): number {
  let total = 0;
  let lost = 0;
  for (const value of values) {
    if (value === Infinity) return Infinity;
    const rest = value - lost;
    const next = total + rest;
    lost = next - total - rest;
    total = next;
  }
  return total;
}
