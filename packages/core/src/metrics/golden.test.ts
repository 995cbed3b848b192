/** The values that google-deepmind/surface-distance gives for masks made by a rule. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Xyz } from '../volume/volume.ts';
import { mapOf, surfacesOf } from './fixture.ts';
import type { LabelMap } from './labelMap.ts';
import { countVoxels, dice, overlapByLabel } from './overlap.ts';
import { forEachElement } from './surface.ts';
import { surfaceDice } from './surfaceDice.ts';
import {
  averageSurfaceDistance,
  hausdorffDistance,
  surfaceDistances,
  surfaceOverlap,
  totalArea,
} from './surfaceDistances.ts';

const file = new URL('../../../../../shared/golden/surface_distance_synthetic.json', import.meta.url);
const isThere = existsSync(file);

type Figures = Record<string, number | number[]>;
/** The file holds NaN and Infinity, which JSON does not know. */
const golden: Record<string, Figures> = isThere
  ? JSON.parse(
      readFileSync(file, 'utf8').replaceAll(/(?<=[\s:[])(NaN|Infinity)(?=[\s,\]}])/g, '"$1"'),
      (_, value) => (value === 'NaN' || value === 'Infinity' ? Number(value) : value),
    )
  : {};

const nothing = () => false;
const voxel = (...at: number[]) => {
  return (x: number, y: number, z: number) => x === at[0] && y === at[1] && z === at[2];
};
const cube = (from: number, to: number) => (x: number, y: number, z: number) =>
  x >= from && x < to && y >= 2 && y < 6 && z >= 2 && z < 6;
const ball = (radius: number, ...centre: number[]) => {
  return (x: number, y: number, z: number) =>
    (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 <= radius ** 2;
};

type Mask = (x: number, y: number, z: number) => boolean;
const masks: Record<string, [shape: Xyz, reference: Mask, prediction: Mask, spacingMm: Xyz]> = {
  'two voxels 2mm apart, spacing(3,2,1)': [[64, 64, 80], voxel(50, 60, 70), voxel(50, 60, 72), [3, 2, 1]],
  'two cubes shifted one, spacing(2,1,1)': [[100, 100, 100], (x) => x < 50, (x) => x < 51, [2, 1, 1]],
  'empty pred': [[64, 64, 80], voxel(50, 60, 70), nothing, [3, 2, 1]],
  'empty gt': [[64, 64, 80], nothing, voxel(50, 60, 72), [3, 2, 1]],
  'both empty': [[8, 8, 8], nothing, nothing, [3, 2, 1]],
  '1 voxel identical spacing 1': [[5, 5, 5], voxel(2, 2, 2), voxel(2, 2, 2), [1, 1, 1]],
  '4^3 cube shifted 1 axis0, spacing(1,1,1)': [[9, 9, 9], cube(2, 6), cube(3, 7), [1, 1, 1]],
  '4^3 cube shifted 1 axis0, spacing(2.5,0.8,0.8)': [[9, 9, 9], cube(2, 6), cube(3, 7), [2.5, 0.8, 0.8]],
  'full 4^3 vs minus one slice': [[4, 4, 4], () => true, (x) => x < 3, [1, 1, 1]],
  'balls r12 @19.5 vs r11 @(20.5,21.5,19.5), spacing(1,1.5,2)': [
    [40, 40, 40],
    ball(12, 19.5, 19.5, 19.5),
    ball(11, 20.5, 21.5, 19.5),
    [1, 1.5, 2],
  ],
};

function measure(reference: LabelMap, prediction: LabelMap, spacingMm: Xyz, wanted: Figures): Figures {
  const surfaces = surfacesOf(reference, prediction);
  const distances = surfaceDistances(...surfaces, spacingMm);
  const asd = averageSurfaceDistance(distances);
  const figures: Figures = {
    dice: dice(countVoxels(overlapByLabel(reference, prediction, 2)[1])),
    n_gt: distances.reference.areasMm2.length,
    n_pred: distances.prediction.areasMm2.length,
    asd: [asd.referenceToPrediction, asd.predictionToReference],
    hd100: hausdorffDistance(distances, 100),
    hd95: hausdorffDistance(distances, 95),
    area_gt: totalArea(distances.reference),
    area_pred: totalArea(distances.prediction),
  };
  for (const key of Object.keys(wanted)) {
    const [name, tolerance] = key.split('@');
    if (name === 'nsd') figures[key] = surfaceDice(...surfaces, spacingMm, Number(tolerance));
    if (name === 'overlap') {
      const overlap = surfaceOverlap(distances, Number(tolerance));
      figures[key] = [overlap.referenceToPrediction, overlap.predictionToReference];
    }
  }
  return figures;
}

function expectEqual(got: Figures, wanted: Figures): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(wanted).sort());
  for (const [key, value] of Object.entries(wanted)) {
    const relative = key.startsWith('area') ? 1e-12 : 1e-9;
    for (const [i, number] of [value].flat().entries()) {
      const ours = [got[key]].flat()[i];
      if (Number.isFinite(number)) {
        expect(Math.abs(ours - number), key).toBeLessThanOrEqual(relative * Math.max(1, number));
      } else expect(ours, key).toBe(number);
    }
  }
}

const title = `surface-distance's own values${isThere ? '' : ' (skipped: shared/golden is not here)'}`;
describe.skipIf(!isThere)(title, () => {
  const { 'single voxel at (1,1,1): codes': codes, ...cases } = golden;

  for (const [name, wanted] of Object.entries(cases)) {
    it(name, () => {
      const [shape, inReference, inPrediction, spacingMm] = masks[name];
      const [reference, prediction] = [mapOf(shape, inReference), mapOf(shape, inPrediction)];
      expectEqual(measure(reference, prediction, spacingMm, wanted), wanted);
    });
  }

  it('neighbour codes of a single voxel', () => {
    const map = mapOf([2, 2, 2], voxel(1, 1, 1));
    const got: Figures = {};
    forEachElement(
      surfacesOf(
        map,
        mapOf([2, 2, 2], () => true),
      )[0],
      (x, y, z, code) => {
        got[`(${x}, ${y}, ${z})`] = code;
      },
    );
    expect(got).toEqual(codes);
  });
});
