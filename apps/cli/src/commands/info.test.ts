/** What `info` tells of NIfTI files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type NiftiFixture, niftiFile } from '@organseg/core/volume/niftiFixture.ts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { info } from './info.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'organseg-info-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(fixture: NiftiFixture, ...options: string[]): Promise<string> {
  const file = join(folder, 'scan.nii.gz');
  await writeFile(file, gzipSync(niftiFile(fixture)));
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await info.parseAsync([file, ...options], { from: 'user' });
    return stdout.mock.calls.join('');
  } finally {
    stdout.mockRestore();
  }
}

it('prints one JSON object with the geometry and the values', async () => {
  const facts = await run(
    {
      datatype: 16,
      shape: [2, 2, 1, 2],
      values: [Number.NaN, 1, -2.5, Number.POSITIVE_INFINITY, 4, 5, Number.NEGATIVE_INFINITY, 0],
      sform: [0, 0, 4, 1, -2, 0, 0, 2, 0, 3, 0, 3],
      qformCode: 1,
    },
    '--json',
  );
  expect(JSON.parse(facts)).toEqual({
    file: join(folder, 'scan.nii.gz'),
    shape: [2, 2, 1, 2],
    spacing: [2, 3, 4],
    affine: [
      [0, 0, 4, 1],
      [-2, 0, 0, 2],
      [0, 3, 0, 3],
      [0, 0, 0, 1],
    ],
    dtype: 'float32',
    orientation: 'PSR',
    affineSource: 'sform',
    min: -2.5,
    max: 5,
    sum: 7.5,
    nanCount: 1,
    infiniteCount: 2,
    slope: 1,
    intercept: 0,
    sformCode: 1,
    qformCode: 1,
    pixdim: [2, 2, 2],
    unit: 'mm',
    niftiVersion: 1,
    byteOrder: 'little',
    doubts: [
      'the sform’s voxels are 2 × 3 × 4 mm, pixdim says 2 × 2 × 2 mm: the sform is taken',
      'values from -2.5 to 5, none between -1023 and -200: no air; are these HU?',
    ],
  });
});

it('applies slope and intercept in double precision', async () => {
  const facts = JSON.parse(await run({ slope: 0.1, intercept: -3, values: [1, 2], shape: [2] }, '--json'));
  expect([facts.min, facts.max]).toEqual([Math.fround(0.1) - 3, 2 * Math.fround(0.1) - 3]);
  expect([facts.dtype, facts.slope]).toEqual(['int16', Math.fround(0.1)]);
});

it('has no minimum where no voxel is finite', async () => {
  const facts = JSON.parse(await run({ datatype: 64, values: [Number.NaN], shape: [1] }, '--json'));
  expect([facts.min, facts.max, facts.sum, facts.nanCount]).toEqual([null, null, 0, 1]);
});

it('prints the same for people', async () => {
  const text = await run({ slope: 2, intercept: -1024, units: 3 });
  expect(text).toMatch(/^shape +4 × 3 × 2$/m);
  expect(text).toMatch(/^spacing +0\.002 × 0\.002 × 0\.002 mm \(converted from µm\)$/m);
  expect(text).toMatch(/^orientation +RAS, by the sform$/m);
  expect(text).toMatch(/^doubtful +as a CT: voxels of 0\.002 .* mm; the header says µm$/m);
  expect(text).toMatch(/^dtype +int16 × 2 \+ -1024$/m);
  expect(text).toMatch(/^sum +-24024$/m);
});

it('names what the orientation is taken from', async () => {
  const orientation = async (fixture: NiftiFixture) => /^orientation +(.*)$/m.exec(await run(fixture))?.[1];
  expect(await orientation({ sformCode: 0 })).toBe('none: LAS assumed');
  expect(await orientation({ sformCode: 0, qformCode: 1 })).toBe('RAS, by the qform');
});

it('names the file and the fault', async () => {
  await expect(run({ dim0: 0 })).rejects.toThrow(/scan\.nii\.gz: dim\[0\] is 0, expected 1 to 7$/);
});
