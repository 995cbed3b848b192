import { describe, expect, it } from 'vitest';
import { openLabels, packLabels } from './labelStream.ts';
import { type NiftiFixture, niftiFile, random, sourceOf } from './niftiFixture.ts';

const upTo = (greatest: number) => Array.from({ length: greatest }, (_, i) => i + 1);

async function pack(fixture: NiftiFixture, labels: readonly number[], maxVoxels = 2e6) {
  const stream = await openLabels(sourceOf('map.nii', niftiFile(fixture)), { labels, maxVoxels });
  return packLabels(stream, labels);
}

describe.each([
  [13, 'two labels a byte'],
  [200, 'a byte each'],
])('a table up to %i, %s', (greatest) => {
  // Odd rows and slices start in the middle of a byte.
  it.each([
    [7, 5, 3],
    [8, 4, 2],
    [1, 1, 1],
    [131, 101, 90],
  ])('gives back %i×%i×%i labels, whatever rows are asked for', async (nx, ny, nz) => {
    const next = random(3);
    const values = Uint8Array.from({ length: nx * ny * nz }, () => Math.floor(next() * (greatest + 1)));
    const map = await pack({ shape: [nx, ny, nz], datatype: 2, bitpix: 8, values }, upTo(greatest));
    expect(map.shape).toEqual([nx, ny, nz]);
    for (let z = 0; z < nz; z++) {
      for (const [yMin, yMax] of [
        [0, ny],
        [ny >> 1, ny],
        [ny - 1, ny],
      ]) {
        const wanted = values.subarray(nx * (yMin + ny * z), nx * (yMax + ny * z));
        expect(map.rows(z, yMin, yMax)).toEqual(wanted);
      }
    }
  });
});

it('takes labels stored as floats and names the first voxel that is none', async () => {
  const shape = [4, 3, 2];
  const values = Float32Array.from({ length: 24 }, (_, i) => (i === 17 ? 2.5 : i % 3));
  const fault = pack({ shape, datatype: 16, bitpix: 32, values }, [1, 2]);
  await expect(fault).rejects.toThrow(
    'map.nii: voxel (1, 1, 1) is 2.5; labels are whole numbers from 0 to 2',
  );
  values[17] = 2;
  const map = await pack({ shape, datatype: 16, bitpix: 32, values }, [1, 2]);
  expect([...map.rows(1, 0, 3)]).toEqual([...values.subarray(12)]);
});

it('refuses a label in a gap of the table, and more voxels than allowed', async () => {
  const fixture = { shape: [2, 2, 2], datatype: 2, bitpix: 8, values: [0, 1, 2, 0, 0, 0, 0, 0] };
  await expect(pack(fixture, [1, 3])).rejects.toThrow('map.nii: voxel (0, 1, 0) is 2; labels are 0, 1, 3');
  await expect(pack(fixture, [1, 2], 7)).rejects.toThrow('map.nii: has 2×2×2 voxels; at most 7 are read');
});
