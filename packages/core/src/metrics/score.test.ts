/** The rule sets, on maps that can be scored by hand. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FLARE22_ORGANS } from '../organs.ts';
import { sourceOf } from '../volume/niftiFixture.ts';
import { readLabels } from '../volume/niftiRead.ts';
import type { Xyz } from '../volume/volume.ts';
import { mapOf } from './fixture.ts';
import { labelMap } from './labelMap.ts';
import { meanScore, missingCaseScore, RULE_SETS, type RuleSetName, type Score, scoreCase } from './score.ts';

const AORTA = 5;
const LIVER = 1;
const SHAPE: Xyz = [8, 8, 8];

type Labels = (x: number, y: number, z: number) => number;
const inSlices = (organ: number, from: number, to: number): Labels => {
  return (x, y, z) => (x >= 2 && x < 5 && y >= 2 && y < 5 && z >= from && z < to ? organ : 0);
};

function score(reference: Labels, prediction: Labels, rules: RuleSetName) {
  const maps = [mapOf(SHAPE, reference), mapOf(SHAPE, prediction)] as const;
  return scoreCase(...maps, [1, 1, 1], FLARE22_ORGANS, RULE_SETS[rules]).organs;
}

describe('flare22', () => {
  it('compares a tube on the slices of the reference but the last', () => {
    // The reference has slices 2 to 5; the prediction errs on 5, 6 and 7 only.
    const reference = inSlices(AORTA, 2, 6);
    const prediction: Labels = (x, y, z) => (z === 5 ? 0 : inSlices(AORTA, 2, 8)(x, y, z));
    expect(score(reference, prediction, 'flare22').Aorta).toEqual({ dsc: 1, nsd: 1 });
    expect(score(reference, prediction, 'plain').Aorta.dsc).toBe((2 * 3) / (4 + 5));
    // The same shapes as a liver are compared whole.
    const asLiver = (labels: Labels): Labels => {
      return (...at) => (labels(...at) === AORTA ? LIVER : 0);
    };
    expect(score(asLiver(reference), asLiver(prediction), 'flare22').Liver.dsc).toBe(6 / 9);
  });

  it('counts the planes that cut a tube as surface', () => {
    const tube =
      (width: number, slices: number): Labels =>
      (x, y, z) =>
        x < width && y >= 2 && y < 5 && z < slices ? AORTA : 0;
    const { Aorta } = score(tube(8, 8), tube(5, 8), 'flare22');
    expect(Aorta).toEqual(score(tube(8, 7), tube(5, 7), 'plain').Aorta);
    expect(Aorta.nsd).not.toBe(score(tube(8, 8), tube(5, 8), 'plain').Aorta.nsd);
  });

  it('compares a tube of a single slice on that slice', () => {
    const { Aorta } = score(inSlices(AORTA, 3, 4), inSlices(AORTA, 1, 6), 'flare22');
    expect(Aorta).toEqual({ dsc: 1, nsd: 1 });
  });

  it('scores 0 where the prediction lies outside the slices of the reference', () => {
    const { Aorta } = score(inSlices(AORTA, 0, 3), inSlices(AORTA, 4, 6), 'flare22');
    expect(Aorta).toEqual({ dsc: 0, nsd: 0 });
  });

  it('gives no NSD below a DSC of 0.2', () => {
    // The prediction is some rows of five voxels out of the reference's 64.
    const whole: Labels = (x) => (x < 5 ? LIVER : 0);
    const part =
      (count: number): Labels =>
      (x, y, z) =>
        x + 8 * (y + 8 * z) < 8 * count && x < 5 ? LIVER : 0;
    const dscOf = (rows: number) => (2 * rows) / (64 + rows);
    const enough = 8;
    expect([dscOf(enough - 1) < 0.2, dscOf(enough) >= 0.2]).toEqual([true, true]);
    expect(score(whole, part(enough - 1), 'flare22').Liver).toEqual({ dsc: dscOf(enough - 1), nsd: 0 });
    expect(score(whole, part(enough), 'flare22').Liver.nsd).toBeGreaterThan(0);
    expect(score(whole, part(enough - 1), 'plain').Liver.nsd).toBeGreaterThan(0);
  });
});

it('scores 1 where both lack an organ and 0 where one does, by all rules', () => {
  for (const rules of ['flare22', 'plain'] as const) {
    const lost = score(inSlices(AORTA, 2, 5), inSlices(LIVER, 2, 5), rules);
    expect(lost.Aorta).toEqual({ dsc: 0, nsd: 0 });
    expect(lost.Liver).toEqual({ dsc: 0, nsd: 0 });
    expect(lost.Spleen).toEqual({ dsc: 1, nsd: 1 });
  }
});

it('averages over organs, and over cases', () => {
  const map = mapOf(SHAPE, inSlices(LIVER, 2, 5));
  const empty = mapOf(SHAPE, () => 0);
  const { mean } = scoreCase(map, empty, [1, 1, 1], FLARE22_ORGANS, RULE_SETS.flare22);
  expect(mean).toEqual({ dsc: 12 / 13, nsd: 12 / 13 });
  const missing = missingCaseScore(FLARE22_ORGANS);
  expect(missing.mean).toEqual({ dsc: 0, nsd: 0 });
  expect(meanScore([mean, missing.mean])).toEqual({ dsc: 6 / 13, nsd: 6 / 13 });
});

const folder = new URL('../../../../../shared/data/metrics/', import.meta.url);
const isThere = existsSync(folder);
const title = `two label maps of a CT${isThere ? '' : ' (skipped: shared/data/metrics is not here)'}`;

describe.skipIf(!isThere)(title, async () => {
  const read = (name: string) => readFileSync(new URL(name, folder));
  const { upper_abdomen: expected } = isThere
    ? JSON.parse(read('expected.json').toString())
    : { upper_abdomen: {} };
  const readMap = async (name: string) => {
    const { shape, data } = await readLabels(sourceOf(name, read(name)));
    return labelMap(shape, data, name);
  };

  for (const rules of ['flare22', 'plain'] as const) {
    it(`scores as the official evaluation, rules ${rules}`, async () => {
      const scored = scoreCase(
        await readMap('upper_abdomen_reference.nii.gz'),
        await readMap('upper_abdomen_prediction.nii.gz'),
        expected.spacing_float32,
        FLARE22_ORGANS,
        RULE_SETS[rules],
      );
      const wanted: Record<string, Score> = { ...expected[rules], mean: expected[`${rules}_mean`] };
      const got: Record<string, Score> = { ...scored.organs, mean: scored.mean };
      expect(Object.keys(got)).toEqual(Object.keys(wanted));
      for (const [name, { dsc, nsd }] of Object.entries(wanted)) {
        expect(Math.abs(got[name].dsc - dsc), name).toBeLessThan(1e-9);
        expect(Math.abs(got[name].nsd - nsd), name).toBeLessThan(1e-9);
      }
    });
  }

  it('has the tolerances of the organ table', () => {
    const table = Object.fromEntries(FLARE22_ORGANS.map(({ name, toleranceMm }) => [name, toleranceMm]));
    expect(table).toEqual(expected.tolerance_mm);
  });
});
