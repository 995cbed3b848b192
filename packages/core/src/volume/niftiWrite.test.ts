/** NIfTI files that are written, read back. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { labelTable, namesInTable } from './labelTable.ts';
import { collect, type NiftiFixture, niftiFile, sourceOf } from './niftiFixture.ts';
import { readNifti } from './niftiRead.ts';
import type { NiftiSpace } from './niftiSpace.ts';
import { encodeNifti } from './niftiWrite.ts';
import type { Volume, VoxelArray } from './volume.ts';

const affine = Float64Array.from([-0.8, 0, 0, 10.1, 0, 0.7, 0, -20.2, 0, 0, 2.5, 30.3, 0, 0, 0, 1]);

const rewrite = async (volume: Volume, space?: NiftiSpace) =>
  readNifti(sourceOf('out.nii.gz', await collect(encodeNifti(volume, space))));

const ARRAYS: VoxelArray[] = [
  Uint8Array.from([0, 255]),
  Int8Array.from([-128, 127]),
  Uint16Array.from([0, 65535]),
  Int16Array.from([-32768, 32767]),
  Uint32Array.from([0, 4294967295]),
  Int32Array.from([-2147483648, 2147483647]),
  Float32Array.from([Math.PI, Number.NaN]),
  Float64Array.from([Math.PI, Number.NEGATIVE_INFINITY]),
];

describe('what is written reads back', () => {
  it('values of every type', async () => {
    for (const data of ARRAYS) {
      const back = await rewrite({ shape: [1, 2, 1], affine, data });
      expect(back.data).toEqual(data);
      expect(back.shape).toEqual([1, 2, 1]);
    }
  });

  it('beside a table of label names, which lies between header and voxels', async () => {
    const data = Uint8Array.from([0, 1, 2, 1]);
    const table = labelTable([{ id: 1, name: 'liver & <more>', colour: [255, 0, 51] }]);
    const bytes = await collect(encodeNifti({ shape: [2, 2, 1], affine, data }, undefined, [table]));
    const back = await readNifti(sourceOf('out.nii.gz', bytes));
    expect(back.data).toEqual(data);
    expect(back.header.dataOffset % 16).toBe(0);
    const plain = gunzipSync(bytes);
    expect([plain[348], plain.readInt32LE(352), plain.readInt32LE(356)]).toEqual([
      1,
      back.header.dataOffset - 352,
      30,
    ]);
    expect(plain.toString('utf8', 360, back.header.dataOffset)).toContain(
      '<Label Key="1" Red="1.000" Green="0.000" Blue="0.200" Alpha="1"><![CDATA[liver & <more>]]></Label>',
    );
    expect(namesInTable(plain.toString('latin1'))).toEqual(['liver & <more>']);
  });

  it('names of labels come back by number, and none where there is no table', () => {
    const entries = [0, 1, 3].map((id) => ({ id, name: `organ ${id}`, colour: [0, 0, 0] as const }));
    const text = new TextDecoder().decode(labelTable(entries).content);
    expect(namesInTable(text)).toEqual(['organ 1', '', 'organ 3']);
    expect(namesInTable('no table')).toBeUndefined();
  });

  it('the affine to float32, in mm', async () => {
    const { affine: back, header } = await rewrite({ shape: [1, 1, 2], affine, data: new Uint8Array(2) });
    expect([...back]).toEqual([...affine].map(Math.fround));
    expect(header.space.pixdim).toEqual([0.8, 0.7, 2.5].map(Math.fround));
    expect([header.space.units, header.space.qfac]).toEqual([2, -1]);
  });

  it.each<[string, NiftiFixture]>([
    ['sform alone', { sformCode: 2, qformCode: 0, units: 10 }],
    [
      'qform alone, left-handed',
      { sformCode: 0, qformCode: 1, pixdim: [-1, 2, 3, 4], quaternion: [0.1, 0.7, 0.2] },
    ],
    ['neither', { sformCode: 0, qformCode: 0, units: 0, pixdim: [1, 0.7, 0.7, 5] }],
    [
      'a sheared sform and a qform that differs',
      {
        sformCode: 4,
        qformCode: 3,
        sform: [1, 0.4, 0, 1, 0, 1, 0, 2, 0, 0, 1, 3],
        quaternion: [0.5, 0.5, 0.5],
      },
    ],
    ['microns, as they stand', { units: 3 }],
  ])('a label map in the space of its case: %s', async (_, fixture) => {
    const scan = await readNifti(sourceOf('case.nii', niftiFile(fixture)));
    const labels = { shape: scan.shape, affine: scan.affine, data: new Uint8Array(24).fill(3) };
    const back = await rewrite(labels, scan.header.space);
    expect(back.header.space).toEqual(scan.header.space);
    expect(back.affine).toEqual(scan.affine);
    expect(back.data).toEqual(labels.data);
  });
});

it('the same volume gives the same bytes, without a time', async () => {
  const volume = { shape: [3, 1, 1] as const, affine, data: Int16Array.from([1, 2, 3]) };
  const bytes = await collect(encodeNifti(volume));
  expect(await collect(encodeNifti(volume))).toEqual(bytes);
  expect([...bytes.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
});

it('refuses a volume that does not lie on the grid of the space, or is too long for NIfTI-1', async () => {
  const { header } = await readNifti(sourceOf('case.nii', niftiFile()));
  const volume = { shape: [1, 1, 1] as const, affine, data: new Uint8Array(1) };
  expect(() => encodeNifti(volume, header.space)).toThrow(/affine/);
  const long = { shape: [32768, 1, 1] as const, affine, data: new Uint8Array(32768) };
  expect(() => encodeNifti(long)).toThrow(/32767/);
});
