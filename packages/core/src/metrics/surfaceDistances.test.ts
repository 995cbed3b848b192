/** Surface distances and NSD against trying all pairs of elements. */
import { describe, expect, it } from 'vitest';
import type { Xyz } from '../volume/volume.ts';
import { mapOf, slowDistance, slowElements, surfacesOf } from './fixture.ts';
import { surfaceAreas } from './surfaceArea.ts';
import { surfaceDice } from './surfaceDice.ts';
import { averageSurfaceDistance, surfaceDistances, totalArea } from './surfaceDistances.ts';

/** Reproducible numbers from 0 to 1 (Park and Miller's generator). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const cases: [shape: Xyz, density: number, spacingMm: Xyz][] = [
  [[7, 5, 6], 0.5, [1, 1, 1]],
  [[9, 4, 3], 0.05, [0.7, 1.3, 2.5]],
  // Rows of one word to the last bit, of one bit more, and of three words.
  [[30, 3, 2], 0.2, [0.3, 2, 5]],
  [[31, 2, 3], 0.02, [2, 1, 0.5]],
  [[70, 3, 3], 0.02, [0.1, 1.5, 1.5]],
  [[1, 9, 8], 0.3, [3, Math.fround(0.6), Math.fround(0.7)]],
];

describe('against trying all pairs of elements', () => {
  for (const [index, [shape, density, spacingMm]] of cases.entries()) {
    it(`${shape.join('×')} voxels of ${spacingMm.map((s) => s.toPrecision(3)).join('×')} mm`, () => {
      const random = randomNumbers(index + 1);
      const [reference, prediction] = [0, 1].map(() => mapOf(shape, () => random() < density));
      const [slowReference, slowPrediction] = [slowElements(reference, 1), slowElements(prediction, 1)];
      expect(Math.min(slowReference.length, slowPrediction.length)).toBeGreaterThan(0);

      const areas = surfaceAreas(spacingMm);
      const toPrediction = slowReference.map((from) => slowDistance(from, slowPrediction, spacingMm));
      const toReference = slowPrediction.map((from) => slowDistance(from, slowReference, spacingMm));
      const surfaces = surfacesOf(reference, prediction);
      const distances = surfaceDistances(...surfaces, spacingMm);
      expectClose(
        distances.reference.distancesMm,
        toPrediction.toSorted((a, b) => a - b),
      );
      expectClose(
        distances.prediction.distancesMm,
        toReference.toSorted((a, b) => a - b),
      );

      const area = [...slowReference, ...slowPrediction].map(({ code }) => areas[code]);
      const all = [...toPrediction, ...toReference];
      const total = area.reduce((sum, a) => sum + a);
      // Each distance that occurs is a tie; between them there is none.
      for (const toleranceMm of new Set([0, 0.25, 1.7, 3, ...all])) {
        const within = area.reduce((sum, a, i) => sum + (all[i] <= toleranceMm ? a : 0), 0);
        expect(surfaceDice(...surfaces, spacingMm, toleranceMm)).toBeCloseTo(within / total, 12);
      }
    });
  }
});

function expectClose(got: Float64Array, wanted: number[]): void {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(got[i]).toBeCloseTo(value, 12);
}

const box = (xMin: number, xMax: number) => (x: number, y: number, z: number) =>
  x >= xMin && x < xMax && y >= 1 && y < 4 && z >= 1 && z < 3;

it('takes five voxels of float32(0.6) mm for more than 3 mm', () => {
  const surfaces = surfacesOf(mapOf([12, 5, 4], box(0, 12)), mapOf([12, 5, 4], box(5, 12)));
  const exact = surfaceDice(...surfaces, [0.6, 1, 1], 3);
  const rounded = surfaceDice(...surfaces, [Math.fround(0.6), 1, 1], 3);
  expect(exact).toBe(1);
  expect(rounded).toBeLessThan(1);
});

it('looks no further than the volume where voxels are tiny', () => {
  const surfaces = surfacesOf(mapOf([12, 5, 4], box(0, 1)), mapOf([12, 5, 4], box(11, 12)));
  expect(surfaceDice(...surfaces, [1e-9, 1e-9, 1e-9], 7)).toBe(1);
});

it('is the same with reference and prediction exchanged', () => {
  const random = randomNumbers(7);
  const [a, b] = surfacesOf(
    mapOf([20, 9, 8], () => random() < 0.1),
    mapOf([20, 9, 8], () => random() < 0.1),
  );
  const spacingMm: Xyz = [0.8, 0.9, 2];
  expect(surfaceDice(a, b, spacingMm, 1)).toBe(surfaceDice(b, a, spacingMm, 1));
  const [there, back] = [surfaceDistances(a, b, spacingMm), surfaceDistances(b, a, spacingMm)];
  expect(there.reference).toEqual(back.prediction);
  expect(averageSurfaceDistance(there).referenceToPrediction).toBe(
    averageSurfaceDistance(back).predictionToReference,
  );
});

it('counts the edge of the box as surface', () => {
  // A full 4×3×2 map: six rectangles, the cells at edges and corners cutting them off.
  const map = mapOf([4, 3, 2], () => true);
  const surfaces = surfacesOf(map, map);
  const { reference } = surfaceDistances(...surfaces, [1, 1, 1]);
  const [faces, edges, corners] = [2 * (3 * 2 + 3 * 1 + 2 * 1), 4 * (3 + 2 + 1), 8];
  expect(reference.areasMm2.length).toBe(faces + edges + corners);
  expect(totalArea(reference)).toBeCloseTo(faces + edges * Math.SQRT1_2 + (corners * Math.sqrt(3)) / 8, 12);
  expect(surfaceDice(...surfaces, [1, 1, 1], 0)).toBe(1);
});
