/** Packed label maps against the maps as they were. */
import { describe, expect, it } from 'vitest';
import { openLabels } from './labelStream.ts';
import { type NiftiFixture, niftiFile, random, sourceOf } from './niftiFixture.ts';
import { packLabels } from './packedLabels.ts';

const upTo = (greatest: number) => Array.from({ length: greatest }, (_, i) => i + 1);

async function pack(fixture: NiftiFixture, labels: readonly number[], maxVoxels = 2e6) {
  const stream = await openLabels(sourceOf('map.nii', niftiFile(fixture)), { labels, maxVoxels });
  return packLabels(stream, labels);
}

/** Labels that hold for `mean` voxels on average: 1 is noise, which runs cannot shorten. */
function drawn(count: number, greatest: number, mean: number): Uint8Array {
  const next = random(3);
  let label = 0;
  return Uint8Array.from({ length: count }, () => {
    if (next() < 1 / mean) label = Math.floor(next() * (greatest + 1));
    return label;
  });
}

describe.each([
  [13, 1, 'two labels a byte'],
  [200, 1, 'a byte each'],
  [13, 500, 'runs'],
])('labels up to %i that hold for %i voxels, kept as %s', (greatest, mean, kept) => {
  // Odd rows and slices start in the middle of a byte; the last has several slabs of one slice, the one before it
  // one slab that is not full.
  it.each([
    [7, 5, 3],
    [8, 4, 2],
    [1, 1, 1],
    [131, 101, 11],
    [301, 251, 4],
  ])('are %i×%i×%i again, whatever rows are asked for', async (nx, ny, nz) => {
    const values = drawn(nx * ny * nz, greatest, mean);
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
    if (values.length < 1e5) return;
    const share = map.bytes / values.length;
    const expected = { 'two labels a byte': [0.5, 0.501], 'a byte each': [1, 1.001], runs: [0, 0.02] }[kept]!;
    expect(share).toBeGreaterThanOrEqual(expected[0]);
    expect(share).toBeLessThan(expected[1]);
  });
});

it('keeps the largest slab that runs can address', async () => {
  const stream = {
    name: 'map',
    shape: [4096, 4096, 1] as const,
    affine: new Float64Array(16),
    spacingMm: [1, 1, 1] as const,
    blocks: async function* () {
      for (let block = 0; block < 16; block++) yield new Uint8Array(1 << 20).fill(block % 3);
    },
    cancel: async () => {},
  };
  const map = await packLabels(stream, [1, 2]);
  expect(map.bytes).toBe(4 * 16);
  expect(map.rows(0, 4095, 4096)).toEqual(new Uint8Array(4096).fill(0));
  expect(map.rows(0, 3839, 3841)[0]).toBe(2);
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
