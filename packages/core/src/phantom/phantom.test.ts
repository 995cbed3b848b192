/** Whole phantoms: reproducible, anatomically plausible, different from each other. */
import { describe, expect, test } from 'vitest';
import { FLARE22_ORGANS } from '../organs.ts';
import { Random } from '../random.ts';
import { apply, determinant, spacingOf } from '../volume/affine.ts';
import { axisCodes } from '../volume/orientation.ts';
import { voxelCount, type Xyz } from '../volume/volume.ts';
import { makePhantom, type Phantom } from './phantom.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const phantoms = SEEDS.map((seed) => makePhantom(new Random(seed)));

/**
 * Plausible volumes of adults in ml, widened by the few voxels that a coarse grid is off, and for the esophagus
 * by how much of the chest is in view.
 */
const VOLUMES_ML: Record<string, readonly [number, number]> = {
  liver: [900, 2000],
  'right kidney': [95, 260],
  spleen: [65, 380],
  pancreas: [45, 140],
  aorta: [40, 140],
  'inferior vena cava': [40, 120],
  'right adrenal gland': [2, 8],
  'left adrenal gland': [2, 8],
  gallbladder: [13, 55],
  esophagus: [5, 38],
  stomach: [140, 640],
  duodenum: [38, 115],
  'left kidney': [95, 240],
};

function voxelsPerLabel({ labels }: Phantom): number[] {
  const counts = Array(FLARE22_ORGANS.length + 1).fill(0);
  for (const label of labels.data) counts[label]++;
  return counts;
}

/** The centroid of an organ in world mm (RAS). */
function centroid({ labels: { shape, affine, data } }: Phantom, organ: string): Xyz {
  const { id } = FLARE22_ORGANS.find(({ longName }) => longName === organ)!;
  const sum = [0, 0, 0];
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== id) continue;
    count++;
    sum[0] += i % shape[0];
    sum[1] += Math.floor(i / shape[0]) % shape[1];
    sum[2] += Math.floor(i / (shape[0] * shape[1]));
  }
  return apply(affine, [sum[0] / count, sum[1] / count, sum[2] / count]);
}

test('the same seed gives the same voxels, another seed others', () => {
  const again = makePhantom(new Random(1));
  expect(again.image).toEqual(phantoms[0].image);
  expect(again.labels).toEqual(phantoms[0].labels);
  expect(phantoms[1].image.data).not.toEqual(phantoms[0].image.data);
});

describe.each(SEEDS)('phantom of seed %i', (seed) => {
  const phantom = phantoms[SEEDS.indexOf(seed)];

  test('has all 13 organs, of plausible volume', () => {
    const ml = Math.abs(determinant(phantom.labels.affine)) / 1000;
    const counts = voxelsPerLabel(phantom);
    for (const { id, longName } of FLARE22_ORGANS) {
      const [least, most] = VOLUMES_ML[longName];
      expect(counts[id] * ml, `${longName} in ml`).toBeGreaterThan(least);
      expect(counts[id] * ml, `${longName} in ml`).toBeLessThan(most);
    }
  });

  test('has its organs in their places, in the world', () => {
    const at = (organ: string) => centroid(phantom, organ);
    const [liver, spleen, rightKidney, leftKidney] = ['liver', 'spleen', 'right kidney', 'left kidney'].map(
      at,
    );
    expect(liver[0]).toBeGreaterThan(spleen[0] + 80);
    expect(rightKidney[0]).toBeGreaterThan(leftKidney[0] + 80);
    expect(at('inferior vena cava')[0]).toBeGreaterThan(at('aorta')[0] + 10);
    expect(at('right adrenal gland')[0]).toBeGreaterThan(at('left adrenal gland')[0] + 40);
    expect(at('right adrenal gland')[2]).toBeGreaterThan(rightKidney[2] + 30);
    expect(at('stomach')[1]).toBeGreaterThan(leftKidney[1] + 30);
    expect(at('esophagus')[2]).toBeGreaterThan(at('duodenum')[2] + 80);
    expect(at('gallbladder')[2]).toBeLessThan(liver[2]);
  });

  test('image and labels share a grid of whole Hounsfield units', () => {
    const { image, labels } = phantom;
    expect(image.data.length).toBe(voxelCount(image.shape));
    expect(labels.shape).toEqual(image.shape);
    expect(labels.affine).toEqual(image.affine);
    const [least, most] = image.data.reduce(([a, b], hu) => [Math.min(a, hu), Math.max(b, hu)], [0, 0]);
    expect(least).toBeGreaterThanOrEqual(-1024);
    expect(least).toBeLessThan(-950);
    expect(most).toBeGreaterThan(300);
  });
});

test('patients, scans and files differ', () => {
  const distinct = <T>(of: (phantom: Phantom) => T) => new Set(phantoms.map(of)).size;
  expect(distinct(({ image }) => axisCodes(image.affine))).toBeGreaterThan(2);
  expect(distinct(({ image }) => image.shape.join())).toBe(SEEDS.length);
  const livers = phantoms.map(({ image, labels }) => {
    const values = image.data.filter((_, i) => labels.data[i] === 1);
    return values.reduce((sum, hu) => sum + hu, 0) / values.length;
  });
  expect(Math.max(...livers) - Math.min(...livers)).toBeGreaterThan(30);
});

/** The best Dice that any single window of intensities can reach for one organ of one case. */
function bestWindowDice({ image, labels }: Phantom, id: number): number {
  const bins = 100;
  const all = new Float64Array(bins);
  const inside = new Float64Array(bins);
  for (let i = 0; i < image.data.length; i++) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((image.data[i] + 300) / 8)));
    all[bin]++;
    if (labels.data[i] === id) inside[bin]++;
  }
  const organ = inside.reduce((a, b) => a + b);
  let best = 0;
  for (let low = 0; low < bins; low++) {
    let [hit, taken] = [0, 0];
    for (let high = low; high < bins; high++) {
      hit += inside[high];
      taken += all[high];
      best = Math.max(best, (2 * hit) / (taken + organ));
    }
  }
  return best;
}

test('intensity alone gives no organ away, even with the best window for each case and organ', () => {
  const dice = FLARE22_ORGANS.map(
    ({ id }) => phantoms.reduce((sum, phantom) => sum + bestWindowDice(phantom, id), 0) / phantoms.length,
  );
  expect(dice.reduce((a, b) => a + b) / dice.length).toBeLessThan(0.25);
  expect(Math.max(...dice)).toBeLessThan(0.75);
});

describe('the grid that is asked for', () => {
  const world = (phantom: Phantom) =>
    phantom.image.shape.map((n, i) => n * spacingOf(phantom.image.affine)[i]);

  test('spacing: its mean is near it', () => {
    for (const seed of SEEDS.slice(0, 3)) {
      const { image } = makePhantom(new Random(seed), { spacingMm: 6 });
      const mean = Math.cbrt(Math.abs(determinant(image.affine)));
      expect(Math.abs(mean / 6 - 1)).toBeLessThan(0.13);
    }
  });

  test('shape: kept, and all organs in view', () => {
    for (const seed of SEEDS.slice(0, 3)) {
      const phantom = makePhantom(new Random(seed), { shape: [60, 56, 52] });
      expect(phantom.image.shape).toEqual([60, 56, 52]);
      expect(Math.min(...voxelsPerLabel(phantom))).toBeGreaterThan(0);
    }
  });

  test('shape and spacing: the field of view is never too small', () => {
    const small = makePhantom(new Random(1), { shape: [60, 56, 52], spacingMm: 2 });
    const free = makePhantom(new Random(1), { shape: [60, 56, 52] });
    world(small).forEach((mm, axis) => {
      expect(mm).toBeCloseTo(world(free)[axis], 6);
    });
    expect(
      Math.max(...world(makePhantom(new Random(1), { shape: [60, 56, 52], spacingMm: 9 }))),
    ).toBeGreaterThan(Math.max(...world(free)));
  });
});
