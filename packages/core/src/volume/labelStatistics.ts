/** Volume and mean intensity of each label. */
import { determinant } from './affine.ts';
import type { Volume, Xyz } from './volume.ts';

/** One label's figures. */
export interface LabelStatistics {
  readonly voxels: number;
  readonly volumeMl: number;
  /** The mean of the scan's values in its voxels, HU where it is CT; null where the label is not there. */
  readonly meanIntensity: number | null;
  /** The mean voxel index, x y z; null where the label is not there, and for background. */
  readonly centre: Xyz | null;
}

/** The statistics of labels 0 to `classes` − 1. The map has the scan's grid. */
export function labelStatistics(
  scan: Volume,
  { data, shape, affine }: Volume<Uint8Array>,
  classes: number,
): LabelStatistics[] {
  const [nx, ny, nz] = shape;
  const [voxels, sum, sumX, sumY, sumZ] = Array.from({ length: 5 }, () => new Float64Array(classes));
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++) {
        const label = data[i];
        voxels[label]++;
        sum[label] += scan.data[i];
        if (label === 0) continue;
        sumX[label] += x;
        sumY[label] += y;
        sumZ[label] += z;
      }
  const voxelMl = Math.abs(determinant(affine)) / 1000;
  return Array.from(voxels, (count, label) => ({
    voxels: count,
    volumeMl: count * voxelMl,
    meanIntensity: count ? sum[label] / count : null,
    centre: label && count ? [sumX[label] / count, sumY[label] / count, sumZ[label] / count] : null,
  }));
}

/** The figures of several labels as of one. */
export function joinedStatistics(
  found: readonly LabelStatistics[],
  labels: readonly number[],
): Omit<LabelStatistics, 'centre'> {
  const parts = labels.flatMap((label) => found[label] ?? []);
  const sum = (of: (part: LabelStatistics) => number) => parts.reduce((total, part) => total + of(part), 0);
  const voxels = sum((part) => part.voxels);
  const weighted = sum((part) => part.voxels * (part.meanIntensity ?? 0));
  return {
    voxels,
    volumeMl: sum(({ volumeMl }) => volumeMl),
    meanIntensity: voxels ? weighted / voxels : null,
  };
}
