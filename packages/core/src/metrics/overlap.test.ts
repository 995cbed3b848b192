/** Counts of voxels against counting one by one. */
import { expect, it } from 'vitest';
import { InputError } from '../inputError.ts';
import { mapOf } from './fixture.ts';
import type { LabelMap } from './labelMap.ts';
import { countVoxels, diceByLabel, overlapByLabel, volumeMl } from './overlap.ts';

/** Runs of all lengths, which start and end at all places of a word. */
const striped = (shift: number) => (x: number, y: number, z: number) =>
  ((((x + shift) * (y + 3)) >> 3) + z) % 4 === 0 ? (y + z) % 4 : 0;

for (const width of [1, 3, 4, 7, 32, 45]) {
  it(`counts voxels and finds boxes in rows of ${width}`, () => {
    const [reference, prediction] = [0, 2].map((shift) => mapOf([width, 6, 5], striped(shift)));
    const overlaps = overlapByLabel(reference, prediction, 4);
    for (let label = 0; label < 4; label++) {
      expect(overlaps[label]).toEqual(slowOverlap(reference, prediction, label));
    }
    expect(countVoxels(overlaps[0]).reference).toBeGreaterThan(0);
  });
}

function slowOverlap(reference: LabelMap, prediction: LabelMap, label: number) {
  const [nx, ny, nz] = reference.shape;
  const counts = [0, 1, 2].map(() => new Uint32Array(nz));
  const found: number[][] = [];
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++) {
        const inReference = reference.rows(z, y, y + 1)[x] === label;
        const inPrediction = prediction.rows(z, y, y + 1)[x] === label;
        counts[0][z] += Number(inReference);
        counts[1][z] += Number(inPrediction);
        counts[2][z] += Number(inReference && inPrediction);
        if (inReference || inPrediction) found.push([x, y, z]);
      }
    }
  }
  const [referenceVoxels, predictionVoxels, commonVoxels] = counts;
  const along = (axis: number) => found.map((voxel) => voxel[axis]);
  const box = found.length && {
    min: [0, 1, 2].map((axis) => Math.min(...along(axis))),
    max: [0, 1, 2].map((axis) => Math.max(...along(axis)) + 1),
  };
  return { referenceVoxels, predictionVoxels, commonVoxels, box: box || null };
}

it('counts on some slices', () => {
  const [overlap] = overlapByLabel(
    mapOf([3, 2, 4], () => 0),
    mapOf([3, 2, 4], (_x, _y, z) => z === 1),
    2,
  );
  expect(countVoxels(overlap)).toEqual({ reference: 24, prediction: 18, common: 18 });
  expect(countVoxels(overlap, 1, 3)).toEqual({ reference: 12, prediction: 6, common: 6 });
});

it('gives the Dice coefficient of each label of two arrays', () => {
  const reference = Uint8Array.of(0, 1, 1, 2, 2, 2, 0);
  const prediction = Uint8Array.of(0, 1, 2, 2, 2, 0, 0);
  expect(diceByLabel(reference, prediction, 4)).toEqual([4 / 5, 2 / 3, 4 / 6, 1]);
});

it('names the map and the voxel of a label outside the range', () => {
  const good = mapOf([5, 4, 3], () => 1, 'good.nii.gz');
  const bad = mapOf([5, 4, 3], (x, y, z) => (x === 2 && y === 3 && z === 1 ? 14 : 1), 'bad.nii.gz');
  const message = 'bad.nii.gz: voxel (2, 3, 1) is 14; labels are whole numbers from 0 to 13';
  expect(() => overlapByLabel(good, bad, 14)).toThrow(new InputError(message));
  expect(() => overlapByLabel(bad, good, 14)).toThrow(new InputError(message));
});

it('refuses maps of different shapes', () => {
  expect(() => overlapByLabel(mapOf([2, 3, 4], Boolean), mapOf([3, 2, 4], Boolean), 2)).toThrow('3×2×4');
});

it('gives volumes in ml', () => {
  expect(volumeMl(1000, [2, 1, 0.5])).toBe(1);
});
