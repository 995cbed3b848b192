/** Scans as training and inference see them: by slabs, bit for bit as by the whole, and as a float64 twin. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { scaleIntensityRange } from '@organseg/kernels/ops/intensity.ts';
import { trilinear } from '@organseg/kernels/ops/resample.ts';
import { reference } from '@organseg/kernels/reference/array.ts';
import * as twin from '@organseg/kernels/reference/resample.ts';
import { downloadF32, empty, fromArray, release } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { affineFromRows, scaleAndShift } from '../volume/affine.ts';
import { crop } from '../volume/crop.ts';
import { toRas } from '../volume/orientation.ts';
import { type Volume, voxelCount, type Xyz } from '../volume/volume.ts';
import { prepareScan } from './prepareCase.ts';
import { type Preprocessing, resamplingOf, SlabPreparation } from './preprocess.ts';
import { bodyOf, ScanStream } from './scanStream.ts';

const CT: Preprocessing = {
  spacingMm: [1, 1, 1],
  intensity: { low: -300, high: 300, outside: 'clip' },
};

/** The scan as it is streamed, its image on the network's grid, and the voxels that became air. */
async function prepared(gpu: Gpu, scan: Volume, preprocessing = CT) {
  const { rows, nonFiniteVoxels } = bodyOf(scan, preprocessing);
  const stream = new ScanStream(scan, rows, preprocessing.spacingMm);
  const image = new Float32Array(voxelCount(stream.geometry.network.shape)).fill(Number.NaN);
  await prepareScan(gpu, stream, preprocessing, (first, values) => image.set(values, first));
  return { image, stream, geometry: stream.geometry, nonFiniteVoxels };
}

describe('a prepared scan', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  test('is turned to RAS, cropped to the body, resampled and mapped to [0, 1]', async () => {
    // LPS, 2 mm, air but for a ramp along the patient's right-left axis.
    const data = new Int16Array(12 * 6 * 5).fill(-1000);
    for (let z = 1; z < 4; z++)
      for (let y = 2; y < 5; y++) for (let x = 3; x < 11; x++) data[(z * 6 + y) * 12 + x] = 20 * x;
    const affine = affineFromRows([
      [-2, 0, 0, 0],
      [0, -2, 0, 10],
      [0, 0, 2, 20],
    ]);
    const { image, geometry, nonFiniteVoxels } = await prepared(gpu, { shape: [12, 6, 5], affine, data });
    expect(nonFiniteVoxels).toBe(0);
    expect(geometry.cropped.shape).toEqual([8, 3, 3]);
    expect(geometry.network.shape).toEqual([16, 6, 6]);
    // Towards the right of the array is now towards the patient's right side's end of the ramp: RAS flips x.
    const hu = Array.from(image.subarray(0, 16), (value) => value * 600 - 300);
    const expected = Array.from(
      { length: 16 },
      (_, i) => 200 - 20 * Math.min(7, Math.max(0, 0.5 * i - 0.25)),
    );
    hu.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 3);
    });
  });

  test('has air for voxels that are not finite, and counts them; a scan of air alone is kept whole', async () => {
    const data = new Float32Array(27).fill(-1000);
    data[0] = Number.NaN;
    data[13] = Number.POSITIVE_INFINITY;
    const scan = { shape: [3, 3, 3] as const, affine: scaleAndShift([1, 1, 1], [0, 0, 0]), data };
    const { image, geometry, nonFiniteVoxels } = await prepared(gpu, scan);
    expect(nonFiniteVoxels).toBe(2);
    expect(geometry.cropped.shape).toEqual([3, 3, 3]);
    expect(image).toEqual(new Float32Array(27));
  });

  test.each([
    [0.73, 1.1, 0.61],
    [1.7, 2.3, 3.1],
    [1, 1, 1.25],
  ] as Xyz[])('is the same at spacing %f, %f, %f mm however it is cut into slabs', async (...spacingMm) => {
    // Its axes run to the front, the left and the feet; every voxel differs from its neighbours.
    const affine = affineFromRows([
      [0, -0.9, 0, 0],
      [0.9, 0, 0, 0],
      [0, 0, -1.25, 0],
    ]);
    const shape: Xyz = [19, 17, 23];
    const data = Int16Array.from({ length: voxelCount(shape) }, (_, i) => ((i * 37) % 599) - 299);
    const preprocessing = { ...CT, spacingMm };
    const { image, stream, geometry } = await prepared(gpu, { shape, affine, data }, preprocessing);

    const { size, maps, intensity } = resamplingOf(geometry, CT.intensity);
    const [nx, ny, nz] = geometry.network.shape;
    const network: Dhw = [nz, ny, nx];
    const turned = crop(toRas({ shape, affine, data }), geometry.box).data;
    const input = fromArray(gpu, Float32Array.from(turned), size);
    const output = empty(gpu, network);
    const { launches, scratch } = trilinear(gpu, { input, output, maps });
    runOnce(gpu, [...launches, ...scaleIntensityRange(gpu, output, intensity)]);
    expect(image).toEqual(await downloadF32(gpu, output));
    release(gpu, input, output, ...scratch);

    const exact = twin.trilinear(reference(size, turned), network, maps);
    exact.data.forEach((hu, i) => {
      expect(image[i]).toBeCloseTo(Math.min(1, Math.max(0, (hu + 300) / 600)), 5);
    });

    for (const planes of [1, 3, 4]) {
      const slabs = new SlabPreparation(gpu, network, resamplingOf(geometry, CT.intensity), planes);
      for (let from = 0; from < nz; from += planes) {
        const to = Math.min(nz, from + planes);
        const slab = await downloadF32(gpu, await slabs.prepare(from, to, stream.readPlanes));
        expect(slab, `planes ${from} to ${to}`).toEqual(image.subarray(from * ny * nx, to * ny * nx));
      }
      slabs.close();
    }
  });

  test('takes GPU memory that does not grow with its slices', async () => {
    const peak = async (slices: number) => {
      const counting = gpu.rehearsal();
      const shape: Xyz = [512, 512, slices];
      const affine = scaleAndShift([1, 1, 1], [0, 0, 0]);
      const rows = { box: null, reach: () => true };
      const stream = new ScanStream(
        { shape, affine, data: new Uint8Array(voxelCount(shape)) },
        rows,
        [1, 1, 2],
      );
      await prepareScan(counting, stream, CT, () => {});
      return counting.arena.account.peakHeldBytes;
    };
    expect(await peak(60)).toBe(await peak(40));
  });
});
