/** What is refused or said of a scan’s size, orientation and values. */
import { describe, expect, it } from 'vitest';
import { type NiftiFixture, niftiFile, sourceOf } from './niftiFixture.ts';
import { openNifti } from './niftiRead.ts';
import { readScan } from './volumeStream.ts';

const scan = (fixture: NiftiFixture) => openNifti(sourceOf('s.nii', niftiFile(fixture))).then(readScan);
const sformOf = (x: number, y: number, z: number) => [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0];

/** Some air, lung, fat, tissue and bone. */
const CT = [-1024, -1000, -870, -90, 20, 45, 60, 110, 900];
const ct = (fixture: NiftiFixture) => ({ shape: [3, 3, 1], values: CT, ...fixture });

const doubts = async (fixture: NiftiFixture) => (await scan(fixture)).doubts.map(({ text }) => text);

describe('size', () => {
  it.each([
    [1, 0.0025, 2.5],
    [2, 2.5, 2.5],
    [3, 2500, 2.5],
    [0, 2.5, 2.5],
  ])('in unit %d a voxel of %d is %d mm', async (units, length, mm) => {
    const sform = await scan(
      ct({ units, sform: sformOf(length, length, length), pixdim: [1, length, length, length] }),
    );
    expect(sform.affine[0]).toBeCloseTo(mm, 6);
    expect(sform.affine[15]).toBe(1);
    const pixdim = await scan(ct({ units, sformCode: 0, pixdim: [1, length, length, length] }));
    expect(pixdim.affine[10]).toBeCloseTo(mm, 6);
    const qform = await scan(ct({ units, sformCode: 0, qformCode: 1, pixdim: [1, length, length, length] }));
    expect(qform.affine[5]).toBeCloseTo(mm, 6);
  });

  it.each([
    [
      { units: 2, sform: sformOf(2500, 2500, 2500) },
      'voxels of 2500 × 2500 × 2500 mm, expected 0.05 to 50 mm; the header says mm',
    ],
    [
      { units: 3, sform: sformOf(1, 1, 2.5) },
      'voxels of 0.001 × 0.001 × 0.0025 mm, expected 0.05 to 50 mm; the header says µm',
    ],
    [
      { units: 0, sform: sformOf(1, 1, 51) },
      'voxels of 1 × 1 × 51 mm, expected 0.05 to 50 mm; the header names no unit, mm is taken',
    ],
    [
      { units: 1, sform: sformOf(0.001, 0.001, 0.049), shape: [3, 3, 41] },
      'a scan of 3 × 3 × 2009 mm, expected at most 2000 mm; the header says m',
    ],
  ])('refuses %j', async (fixture, fault) => {
    await expect(scan(fixture)).rejects.toThrow(`s.nii: ${fault}`);
  });
});

describe('orientation', () => {
  it('is not doubted where sform, qform and pixdim agree, to rounding', async () => {
    expect(await doubts(ct({ qformCode: 1, sform: sformOf(2, 2, 2) }))).toEqual([]);
    expect(await doubts(ct({ pixdim: [1, 2.001, 2, 2] }))).toEqual([]);
    expect(await doubts(ct({ sformCode: 0, qformCode: 1 }))).toEqual([]);
  });

  it.each([
    [{ sformCode: 0 }, 'the header holds no orientation (both codes are 0): LAS is assumed'],
    [
      { pixdim: [1, 2, 2, 1.5] },
      'the sform’s voxels are 2 × 2 × 2 mm, pixdim says 2 × 2 × 1.5 mm: the sform is taken',
    ],
    [
      { sform: sformOf(2, 2, 2), qformCode: 1, qoffset: [30, 0, 0] },
      'sform and qform place voxels up to 30.0 mm apart: the sform is taken',
    ],
    [
      { sform: sformOf(2, 2, 2), qformCode: 1, quaternion: [0, 1, 0] },
      'sform and qform place voxels up to 8.00 mm apart: the sform is taken',
    ],
  ])('%j', async (fixture, text) => {
    expect(await doubts(ct(fixture))).toEqual([text]);
  });

  it('is doubted where a size that counts is not stated', async () => {
    for (const size of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      const pixdim = [1, 2, size, size];
      const guessed = { sformCode: 0, qformCode: 1, pixdim };
      expect(await doubts(ct(guessed))).toEqual(['pixdim states no voxel size along y: 1 mm is taken']);
      expect(await doubts(ct({ sform: sformOf(2, 2, 2), pixdim }))).toEqual([]);
    }
  });
});

describe('values', () => {
  const floats = (values: number[]) => doubts({ datatype: 16, shape: [3, 3, 1], values });

  it('are not doubted of a CT, whatever its padding', async () => {
    for (const padding of [-1024, -2048, -3024, -32768])
      expect(await doubts(ct({ values: CT.map((hu) => (hu === -1024 ? padding : hu)) }))).toEqual([]);
  });

  it.each([
    [
      'offset by 1024',
      CT.map((hu) => hu + 1024),
      'values from 0 to 1924, none between -1023 and -200: no air; are these HU?',
    ],
    [
      'offset, with padding',
      CT.map((hu) => (hu === -1024 ? -2000 : hu + 1024)),
      'values from -2000 to 1924, none between -1023 and -200: no air; are these HU?',
    ],
    [
      'scaled to 0…1',
      CT.map((hu) => (hu + 1024) / 2048),
      'values from 0 to 0.939453, none between -1023 and -200: no air; are these HU?',
    ],
    [
      'an MRI’s z-scores',
      CT.map((hu) => hu / 300),
      'values from -3.41333 to 3, none between -1023 and -200: no air; are these HU?',
    ],
    [
      'a label map',
      CT.map((_, i) => i % 4),
      'values from 0 to 3, none between -1023 and -200: no air; are these HU?',
    ],
    [
      'offset twice',
      CT.map((hu) => hu - 1024 - (hu > 0 ? 400 : 0)),
      'values from -2048 to -524: nothing but air; are these HU?',
    ],
    [
      'in tenths',
      CT.map((hu) => 10 * hu + (hu > 0 ? 200 : 0) - 500),
      'values from -10740 to 8700, none between -1023 and -200: no air; are these HU?',
    ],
    [
      'times ten',
      CT.map((hu) => 10 * hu),
      'values from -10240 to 9000, more above 300 than in soft tissue; are these HU?',
    ],
    [
      'offset by 1024 and turned in sign',
      CT.map((hu) => -1024 - hu - 1),
      'values from -1925 to -1: nothing as dense as water; are these HU?',
    ],
    ['air alone', CT.map(() => -1000), 'every value is -1000: nothing but air; are these HU?'],
    ['0 alone', CT.map(() => 0), 'every value is 0, none between -1023 and -200: no air; are these HU?'],
    [
      'air and metal',
      CT.map((_, i) => (i < 6 ? -900 : 3000)),
      'values from -900 to 3000, hardly any between -200 and 300: no soft tissue; are these HU?',
    ],
  ])('%s', async (_, values, text) => {
    expect(await floats(values)).toEqual([text]);
  });

  it('that are not finite are counted', async () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, ...CT.slice(2)];
    expect(await floats(values)).toEqual(['2 of its voxels are not finite, taken as air']);
    expect(await floats(CT.map(() => Number.NaN))).toContain('no voxel is finite');
  });
});
