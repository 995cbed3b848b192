/** Measures of an organ besides DSC and NSD, made on request: they take more time and memory than both. */
import { InputError } from '../inputError.ts';
import type { Box, Xyz } from '../volume/volume.ts';
import type { LabelMap } from './labelMap.ts';
import { countVoxels, type LabelOverlap, volumeMl } from './overlap.ts';
import { labelSurface } from './surface.ts';
import {
  averageSurfaceDistance,
  type BothWays,
  hausdorffDistance,
  surfaceDistances,
  surfaceOverlap,
} from './surfaceDistances.ts';

/** The measures that are wanted. */
export interface OtherMetrics {
  /** The percentile of the surfaces, 0 to 100, for the Hausdorff distance. */
  readonly hausdorffPercentile?: number;
  readonly averageDistance?: boolean;
  /** The surface overlap at the organ's tolerance. */
  readonly surfaceOverlap?: boolean;
  readonly volumes?: boolean;
  /** The most voxels, of 17 bytes each, of a box in which distances are measured. */
  readonly maxDistanceVoxels?: number;
}

/** What was measured. Distances to an empty surface are Infinity; those from one, and its overlap, are NaN. */
export interface OrganMeasures {
  readonly hausdorffMm?: number;
  readonly averageDistanceMm?: BothWays;
  readonly surfaceOverlap?: BothWays;
  readonly volumesMl?: { readonly reference: number; readonly prediction: number };
}

/**
 * Measures one organ in the box that the rules compare (null where both maps lack it). Volumes are those of the
 * whole maps. Throws InputError where the box is larger than `maxDistanceVoxels`.
 */
export function organMeasures(
  reference: LabelMap,
  prediction: LabelMap,
  spacingMm: Xyz,
  organ: { readonly id: number; readonly name: string; readonly toleranceMm: number },
  overlap: LabelOverlap,
  box: Box | null,
  wanted: OtherMetrics,
): OrganMeasures {
  const { hausdorffPercentile, averageDistance, maxDistanceVoxels = Infinity } = wanted;
  const voxels = countVoxels(overlap);
  const volumes = wanted.volumes && {
    volumesMl: {
      reference: volumeMl(voxels.reference, spacingMm),
      prediction: volumeMl(voxels.prediction, spacingMm),
    },
  };
  if (hausdorffPercentile === undefined && !averageDistance && !wanted.surfaceOverlap) return { ...volumes };

  const { min, max } = box ?? { min: [0, 0, 0], max: [1, 1, 1] };
  const boxVoxels = (max[0] - min[0]) * (max[1] - min[1]) * (max[2] - min[2]);
  if (boxVoxels > maxDistanceVoxels) {
    throw new InputError(
      `${prediction.name}: ${organ.name} spreads over ${boxVoxels} voxels; distances are measured in at most ${maxDistanceVoxels}`,
    );
  }
  const distances = surfaceDistances(
    labelSurface(reference, organ.id, { min, max }),
    labelSurface(prediction, organ.id, { min, max }),
    spacingMm,
  );
  return {
    ...volumes,
    ...(hausdorffPercentile !== undefined && {
      hausdorffMm: hausdorffDistance(distances, hausdorffPercentile),
    }),
    ...(averageDistance && { averageDistanceMm: averageSurfaceDistance(distances) }),
    ...(wanted.surfaceOverlap && { surfaceOverlap: surfaceOverlap(distances, organ.toleranceMm) }),
  };
}
