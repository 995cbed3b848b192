/** Distances, overlaps and volumes of boxes that can be measured by hand. */
import { expect, it } from 'vitest';
import { FLARE22_ORGANS } from '../organs.ts';
import type { Xyz } from '../volume/volume.ts';
import { mapOf } from './fixture.ts';
import type { OtherMetrics } from './organMeasures.ts';
import { RULE_SETS, scoreCase } from './score.ts';

const SHAPE: Xyz = [12, 8, 8];
const box = (label: number, from: number, to: number) => (x: number, y: number, z: number) =>
  x >= from && x < to && y >= 2 && y < 6 && z >= 2 && z < 6 ? label : 0;

const ALL = { hausdorffPercentile: 100, averageDistance: true, surfaceOverlap: true, volumes: true };

function measure(from: number, to: number, others: OtherMetrics, label = 1) {
  const maps = [mapOf(SHAPE, box(label, 2, 6)), mapOf(SHAPE, box(label, from, to), 'prediction')] as const;
  return scoreCase(...maps, [2, 1, 1], FLARE22_ORGANS, RULE_SETS.flare22, others).organs;
}

it('measures nothing unasked', () => {
  expect(Object.keys(measure(3, 7, {}).Liver)).toEqual(['dsc', 'nsd']);
});

it('measures boxes that can be counted by hand', () => {
  const { Liver } = measure(4, 8, ALL);
  expect(Liver.hausdorffMm).toBe(2 * 2);
  expect(Liver.surfaceOverlap).toEqual({ referenceToPrediction: 1, predictionToReference: 1 });
  expect(Liver.volumesMl).toEqual({ reference: (64 * 2) / 1000, prediction: (64 * 2) / 1000 });
  const { referenceToPrediction, predictionToReference } = Liver.averageDistanceMm!;
  expect(referenceToPrediction).toBeGreaterThan(0);
  expect(referenceToPrediction).toBeCloseTo(predictionToReference, 12);
});

it('measures a tube on the slices that are compared, its volume whole', () => {
  const AORTA = 5;
  const same = measure(2, 6, ALL, AORTA).Aorta;
  expect(same.hausdorffMm).toBe(0);
  expect(same.volumesMl).toEqual({ reference: 0.128, prediction: 0.128 });
});

it('has no distance where one or both lack an organ', () => {
  const { Liver, Spleen } = measure(0, 0, ALL);
  expect(Liver).toMatchObject({ dsc: 0, nsd: 0, hausdorffMm: Infinity });
  expect(Liver.averageDistanceMm).toEqual({ referenceToPrediction: Infinity, predictionToReference: NaN });
  expect(Spleen).toMatchObject({ dsc: 1, nsd: 1, hausdorffMm: Infinity });
});

it('refuses distances in a box that is too large', () => {
  expect(() => measure(4, 8, { averageDistance: true, maxDistanceVoxels: 95 })).toThrow(
    'prediction: Liver spreads over 96 voxels; distances are measured in at most 95',
  );
  expect(() => measure(4, 8, { averageDistance: true, maxDistanceVoxels: 96 })).not.toThrow();
});
