/** Which affine of a NIfTI header counts, and what is kept of its space. */
import { describe, expect, it } from 'vitest';
import { apply, compose, determinant } from './affine.ts';
import { type NiftiFixture, niftiFile, random, sourceOf } from './niftiFixture.ts';
import { readNifti } from './niftiRead.ts';
import { affineOfSpace, type NiftiSpace, spaceOfAffine } from './niftiSpace.ts';
import type { Affine } from './volume.ts';

async function affineOf(fixture: NiftiFixture): Promise<number[]> {
  return [...(await readNifti(sourceOf('case.nii', niftiFile(fixture)))).affine.subarray(0, 12)];
}

const SFORM = [0, -2, 0, 1, 2, 0, 0.5, 2, 0, 0, 3, 3];
const IDENTITY_QFORM = [2, 0, 0, 7, 0, 3, 0, 8, 0, 0, 4, 9];
const both = { sform: SFORM, qoffset: [7, 8, 9], pixdim: [1, 2, 3, 4] };

describe('which affine counts', () => {
  for (const version of [1, 2] as const) {
    it(`NIfTI-${version}: the sform, else the qform, else the voxel sizes`, async () => {
      for (const [sformCode, qformCode] of [
        [1, 0],
        [1, 1],
        [1, 4],
        [4, 1],
      ]) {
        expect(await affineOf({ version, ...both, sformCode, qformCode })).toEqual(SFORM);
      }
      for (const sformCode of [0, -1]) {
        expect(await affineOf({ version, ...both, sformCode, qformCode: 1 })).toEqual(IDENTITY_QFORM);
      }
      // 4×3×2 voxels of 2×3×4 mm, LAS+, the world's origin in the middle: nibabel's fall-back.
      const centred = [-2, 0, 0, 3, 0, 3, 0, -3, 0, 0, 4, -2];
      expect(await affineOf({ version, ...both, sformCode: 0, qformCode: 0 })).toEqual(centred);
    });
  }

  it('reads voxel sizes of 0 as the sform has them, else as 1, and negative ones without their sign', async () => {
    const { header } = await readNifti(
      sourceOf('a.nii', niftiFile({ ...both, pixdim: [1, 0, -3, Number.NaN] })),
    );
    expect(header.space.pixdim).toEqual([2, 3, Math.hypot(0.5, 3)]);
    expect(await affineOf({ ...both, sformCode: 0, qformCode: 1, pixdim: [0, 0, -3, 4] })).toEqual(
      IDENTITY_QFORM.with(0, 1),
    );
  });

  it.each<[NiftiFixture, RegExp]>([
    [{ sform: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0] }, /^case\.nii: the sform is singular$/],
    [{ sform: [2, 0, 0, Number.NaN, 0, 2, 0, 0, 0, 0, 2, 0] }, /^case\.nii: the sform is not finite$/],
    [
      { sformCode: 0, qformCode: 1, quaternion: [5, 5, 5] },
      /^case\.nii: the qform's quaternion \(5, 5, 5\) is not/,
    ],
    [{ sformCode: 0, qformCode: 1, quaternion: [Number.NaN, 0, 0] }, /^case\.nii: the qform's quaternion/],
    [
      { sformCode: 0, qformCode: 1, qoffset: [Number.POSITIVE_INFINITY, 0, 0] },
      /^case\.nii: the qform is not finite$/,
    ],
  ])('refuses one that no grid has: %j', async (fixture, fault) => {
    await expect(affineOf(fixture)).rejects.toThrow(fault);
  });

  it('does not mind a broken qform where the sform counts', async () => {
    expect(await affineOf({ ...both, qformCode: 1, quaternion: [5, 5, 5] })).toEqual(SFORM);
  });
});

describe('qform', () => {
  const space = (part: Partial<NiftiSpace>): NiftiSpace => ({
    ...spaceOfAffine(Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])),
    sformCode: 0,
    ...part,
  });
  const affine = (part: Partial<NiftiSpace>) => affineOfSpace(space(part), [1, 1, 1]);

  it('turns about the axis of the quaternion, by the right hand', () => {
    const quarter = affine({ quaternion: [0, 0, Math.SQRT1_2], pixdim: [2, 3, 4], qoffset: [10, 20, 30] });
    const [x, y, z] = apply(quarter, [1, 0, 0]);
    expect([x, y, z].map((v) => Math.round(v * 1e9) / 1e9)).toEqual([10, 22, 30]);
  });

  it('is LAS with qfac −1 and half a turn about y', () => {
    const las = affine({ quaternion: [0, 1, 0], qfac: -1, pixdim: [3, 3, 3] });
    expect([las[0], las[5], las[10]]).toEqual([-3, 3, 3]);
  });

  it('is a rotation even where rounding made b² + c² + d² exceed 1', () => {
    const part = Math.fround(Math.sqrt(1 / 3)) + 2 ** -23;
    expect(determinant(affine({ quaternion: [part, part, part] }))).toBeCloseTo(1, 12);
  });
});

describe('a space made for an affine', () => {
  function rotation(next: () => number): Affine {
    const q = [next() - 0.5, next() - 0.5, next() - 0.5, next() - 0.5];
    const [a, b, c, d] = q.map((v) => v / Math.hypot(...q));
    return Float64Array.from([
      a * a + b * b - c * c - d * d,
      2 * (b * c - a * d),
      2 * (b * d + a * c),
      0,
      2 * (b * c + a * d),
      a * a + c * c - b * b - d * d,
      2 * (c * d - a * b),
      0,
      2 * (b * d - a * c),
      2 * (c * d + a * b),
      a * a + d * d - b * b - c * c,
      0,
      0,
      0,
      0,
      1,
    ]);
  }

  it('has a qform that says the same as its sform: any rotation, both hands, half turns', () => {
    const next = random(11);
    const halfTurns = [
      [1, -1, -1],
      [-1, 1, -1],
      [-1, -1, 1],
    ].map(([x, y, z]) => Float64Array.from([x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1]));
    const rotations = [...halfTurns, ...Array.from({ length: 200 }, () => rotation(next))];
    for (const [i, turn] of rotations.entries()) {
      const scale = Float64Array.from([0.8, 0, 0, 5, 0, 0.7, 0, -6, 0, 0, i % 2 ? -2.5 : 2.5, 7, 0, 0, 0, 1]);
      const affine = compose(turn, scale);
      const made = spaceOfAffine(affine);
      expect([made.sformCode, made.qformCode]).toEqual([1, 1]);
      const asQform = affineOfSpace({ ...made, sformCode: 0 }, [9, 9, 9]);
      for (let k = 0; k < 16; k++) expect(asQform[k]).toBeCloseTo(affine[k], 6);
    }
  });

  it('has no qform where the axes are sheared', () => {
    const sheared = Float64Array.from([1, 0.2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    expect(spaceOfAffine(sheared).qformCode).toBe(0);
  });
});
