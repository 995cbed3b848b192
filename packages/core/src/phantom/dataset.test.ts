/** Data sets of phantoms: layout, seeds, going on in a folder. */
import { describe, expect, test } from 'vitest';
import { Random } from '../random.ts';
import { assertContinues, datasetJson, phantomCases, phantomOf } from './dataset.ts';
import { HEALTHY } from './pathology.ts';
import type { Patient } from './patient.ts';
import { makePhantom, type Phantom } from './phantom.ts';

const counts = { labelled: 2, unlabelled: 1, test: 1 };

test("cases are laid out as nnU-Net's", () => {
  expect(phantomCases(counts).map(({ image, labels }) => [image, labels])).toEqual([
    ['imagesTr/labelled_000_0000.nii.gz', 'labelsTr/labelled_000.nii.gz'],
    ['imagesTr/labelled_001_0000.nii.gz', 'labelsTr/labelled_001.nii.gz'],
    ['imagesUn/unlabelled_000_0000.nii.gz', 'labelsUn/unlabelled_000.nii.gz'],
    ['imagesTs/test_000_0000.nii.gz', 'labelsTs/test_000.nii.gz'],
  ]);
  const { phantom, ...description } = datasetJson(counts, { seed: 3 });
  expect(description).toMatchObject({
    channel_names: { 0: 'CT' },
    labels: { background: 0, liver: 1, 'left kidney': 13 },
    numTraining: 2,
    file_ending: '.nii.gz',
  });
  expect(phantom).toEqual({ version: 1, seed: 3, counts });
});

test('a case does not depend on how many there are; splits and indices differ', () => {
  const settings = { seed: 4, spacingMm: 9 };
  const voxelsOf = (all: typeof counts, name: string) =>
    phantomOf(phantomCases(all).find((each) => each.name === name)!, settings).image.data;
  const first = voxelsOf(counts, 'test_000');
  expect(voxelsOf({ labelled: 9, unlabelled: 0, test: 5 }, 'test_000')).toEqual(first);
  expect(voxelsOf(counts, 'labelled_000')).not.toEqual(first);
  expect(voxelsOf(counts, 'labelled_001')).not.toEqual(voxelsOf(counts, 'labelled_000'));
});

test('labelled cases at one centre: one phase there, all phases elsewhere, the same anatomy', () => {
  const phases = (split: 'labelled' | 'test', labelledAtOneCentre: boolean) =>
    phantomCases({ labelled: 6, unlabelled: 0, test: 6 })
      .filter((each) => each.split === split)
      .map((each) => phantomOf(each, { seed: 2, spacingMm: 10, labelledAtOneCentre }).patient);
  const [centre, anywhere] = [phases('labelled', true), phases('labelled', false)];
  for (const { contrast } of centre) expect(Math.abs(contrast.phase - 2)).toBeLessThan(0.25);
  expect(new Set(anywhere.map(({ contrast }) => Math.round(contrast.phase))).size).toBeGreaterThan(1);
  expect(centre.map(({ scale }) => scale)).toEqual(anywhere.map(({ scale }) => scale));
  expect(phases('test', true)).toEqual(phases('test', false));
});

test('wide cases: tissues and fields of view beyond the common ones, test cases as ever', () => {
  const made = (split: 'labelled' | 'test', wide: boolean) =>
    phantomCases({ labelled: 8, unlabelled: 0, test: 1 })
      .filter((each) => each.split === split)
      .map((each) => phantomOf(each, { seed: 2, spacingMm: 12, wide }));
  const [wide, common] = [made('labelled', true), made('labelled', false)];
  const voxels = (cases: typeof wide) => cases.map(({ image }) => image.data.length);
  expect(Math.min(...voxels(wide))).toBeLessThan(Math.min(...voxels(common)));
  expect(wide.some(({ patient }) => patient.tissueDeviationHu > 15)).toBe(true);
  expect(common.every(({ patient }) => patient.tissueDeviationHu === 0)).toBe(true);
  expect(made('labelled', true)[0]).toEqual(wide[0]);
  expect(made('test', true)).toEqual(made('test', false));
});

/** The same patient with this changed, at 12 mm. */
function changed(change: Partial<Patient>, seed = 5) {
  const patient = (usual: Patient): Patient => ({ ...usual, ...change });
  return makePhantom(new Random(seed), { spacingMm: 12 }, { patient });
}

test('what is taken out is not there, and the rest is as it was', () => {
  const usual = changed({});
  const { labels } = changed({ pathology: { ...HEALTHY, removed: ['spleen', 'left kidney'] } });
  const organs = ({ data }: typeof labels) => new Set(data);
  expect([...organs(usual.labels)].filter((id) => !organs(labels).has(id)).toSorted()).toEqual([13, 3]);
  expect(labels.shape).toEqual(usual.labels.shape);
});

test('fluid lies in the abdomen and low in the chest', () => {
  const fluidIn = ({ image, labels }: Phantom) =>
    image.data.filter((hu, i) => labels.data[i] === 0 && hu > -25 && hu < 35).length;
  const usual = fluidIn(changed({}));
  expect(fluidIn(changed({ pathology: { ...HEALTHY, ascitesMm: 30 } }))).toBeGreaterThan(1.2 * usual);
  expect(fluidIn(changed({ pathology: { ...HEALTHY, effusionMm: 80 } }))).toBeGreaterThan(1.05 * usual);
});

test.each(['head', 'thighs', 'hands'] as const)('a scan of %s has bone and muscle and no organ', (region) => {
  const { image, labels } = changed({ region });
  expect(labels.data.every((label) => label === 0)).toBe(true);
  expect(image.data.some((hu) => hu > 250)).toBe(true);
  expect(image.data.filter((hu) => hu > 0).length).toBeGreaterThan(30);
});

test('GENERATOR_VERSION must rise when a seed begins to give other phantoms', () => {
  const [made] = phantomCases(counts).map((each) => phantomOf(each, { seed: 1, spacingMm: 8 }));
  const organVoxels = made.labels.data.filter((label) => label > 0).length;
  const mean = made.image.data.reduce((sum, hu) => sum + hu, 0) / made.image.data.length;
  expect({ shape: made.image.shape, organVoxels, mean: Math.round(mean) }).toMatchInlineSnapshot(`
    {
      "mean": -520,
      "organVoxels": 3390,
      "shape": [
        46,
        33,
        23,
      ],
    }
  `);
});

describe('writing on in a folder', () => {
  const settings = { seed: 3, spacingMm: 4 };
  const existing = JSON.parse(JSON.stringify(datasetJson(counts, settings)));

  test('with the same settings and as many cases or more', () => {
    expect(() => assertContinues(existing, counts, settings)).not.toThrow();
    expect(() => assertContinues(existing, { ...counts, test: 8 }, settings)).not.toThrow();
  });

  test.each([
    ['another seed', counts, { seed: 4, spacingMm: 4 }, 'it holds phantoms of seed 3, not 4'],
    ['another spacing', counts, { seed: 3 }, 'it holds phantoms of spacingMm 4, not default'],
    [
      'a shape',
      counts,
      { ...settings, shape: [64, 64, 64] as const },
      'it holds phantoms of shape default, not [64,64,64]',
    ],
    [
      'fewer cases',
      { ...counts, labelled: 1 },
      settings,
      'it holds 2 labelled cases, more than the 1 asked for',
    ],
  ])('not with %s', (_, askedCounts, askedSettings, message) => {
    expect(() => assertContinues(existing, askedCounts, askedSettings)).toThrow(message);
  });

  test("not over another data set's description", () => {
    expect(() => assertContinues({ labels: {} }, counts, settings)).toThrow('not that of phantoms');
  });
});
