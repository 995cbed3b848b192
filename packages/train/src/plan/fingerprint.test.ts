/** Fingerprints of small data sets, and of a real one against nnU-Net's. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { affineFromRows } from '@organseg/core/volume/affine.ts';
import { type VoxelArray, voxelCount, type Xyz } from '@organseg/core/volume/volume.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { fingerprintSchema } from './fingerprint.ts';
import { fingerprintOf } from './fingerprintFolder.ts';
import { openPlannedDataset } from './plannedDataset.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fingerprint-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SHAPE: Xyz = [6, 5, 4];
/** Voxels of 1 mm along the first axis, which runs to the feet, 2 along the second, to the left, and 3 mm. */
const affine = affineFromRows([
  [0, -2, 0, 0],
  [0, 0, 3, 0],
  [-1, 0, 0, 0],
]);

async function write(path: string, at: (x: number, y: number, z: number) => number, type: 'i' | 'f' = 'i') {
  const [nx, ny] = SHAPE;
  const values = Array.from({ length: voxelCount(SHAPE) }, (_, i) =>
    at(i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))),
  );
  const data: VoxelArray = type === 'f' ? Float32Array.from(values) : Int16Array.from(values);
  await writeNiftiFile(join(folder, path), { shape: SHAPE, affine, data });
}

/** A data set of CT and MR, whose cases are 0 but for a box, and hold 100, 200 … in its labelled row. */
async function makeDataset(cases: readonly string[]) {
  await mkdir(join(folder, 'imagesTr'));
  await mkdir(join(folder, 'labelsTr'));
  const description = { channel_names: { 0: 'CT', 1: 'MR' }, labels: { background: 0, organ: 1 } };
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(description));
  const isInside = (x: number, y: number, z: number) => x >= 1 && x < 5 && y >= 2 && z === 3;
  for (const name of cases) {
    await write(`imagesTr/${name}_0000.nii.gz`, (x, y, z) => (isInside(x, y, z) ? 100 * x : 0));
    await write(`imagesTr/${name}_0001.nii.gz`, (x, y, z) => (isInside(x, y, z) ? 0.5 : 0), 'f');
    // A label outside the box is cropped away.
    await write(`labelsTr/${name}.nii.gz`, (x, y, z) =>
      z === 3 && y === 2 ? 1 : z === 0 && x === 0 ? 1 : 0,
    );
  }
  return await openPlannedDataset(folder);
}

describe('the fingerprint of several channels', () => {
  it('has each case’s spacing and cropped shape along z, y, x, and each channel’s intensities under labels', async () => {
    const fingerprint = await fingerprintOf(await makeDataset(['a', 'b']), join(folder, 'fp'));
    // Turned to RAS+, the axes are the second, the third and the first one.
    expect(fingerprint.spacings).toEqual([
      [1, 3, 2],
      [1, 3, 2],
    ]);
    expect(fingerprint.shapes_after_crop[0]).toEqual([4, 1, 3]);
    expect(fingerprint.median_relative_size_after_cropping).toBeCloseTo(12 / 120);
    const { 0: ct, 1: mr } = fingerprint.foreground_intensity_properties_per_channel;
    expect(ct).toMatchObject({ min: 100, max: 400, percentile_00_5: 100, percentile_99_5: 400 });
    expect(ct!.mean).toBeGreaterThan(245);
    expect(ct!.mean).toBeLessThan(255);
    expect(ct!.std).toBeCloseTo(Math.sqrt(12_500), -1);
    expect(mr).toMatchObject({ mean: 0.5, median: 0.5, std: 0, min: 0.5, max: 0.5 });
    expect(await readJsonFile(join(folder, 'fp/dataset_fingerprint.json'), fingerprintSchema)).toEqual(
      fingerprint,
    );
  });

  it('reads after an interruption only what it has not read, and what has changed', async () => {
    const dataset = await makeDataset(['a', 'b', 'c']);
    const out = join(folder, 'fp');
    const stop = new AbortController();
    const stopped = fingerprintOf(dataset, out, {
      onCase: (n) => n === 1 && stop.abort(),
      signal: stop.signal,
    });
    await expect(stopped).rejects.toThrow('aborted');
    expect(existsSync(join(out, 'dataset_fingerprint.json'))).toBe(false);
    const known = readdirSync(join(out, 'cases')).length;
    const done: number[] = [];
    const whole = await fingerprintOf(dataset, out, { onCase: (n) => done.push(n) });
    expect(whole.shapes_after_crop).toEqual([0, 1, 2].map(() => [4, 1, 3]));
    expect(done[0]).toBe(known);
    await write('imagesTr/b_0001.nii.gz', () => 7, 'f');
    done.length = 0;
    const changed = await fingerprintOf(dataset, out, { onCase: (n) => done.push(n) });
    expect(done).toEqual([2, 3]);
    expect(changed.shapes_after_crop).toContainEqual([6, 4, 5]);
  });

  it('names the file of a channel that is missing, lies elsewhere or is broken', async () => {
    const dataset = await makeDataset(['a']);
    const path = join(folder, 'imagesTr/a_0001.nii.gz');
    writeFileSync(path, readFileSync(path).subarray(0, 60));
    await expect(fingerprintOf(dataset, join(folder, 'fp'))).rejects.toThrow(path);
    rmSync(path);
    await expect(openPlannedDataset(folder)).rejects.toThrow(`${path}: missing, though there is `);
  });

  it('names the images that are not named as images of cases, where there are no others', async () => {
    await makeDataset(['a']);
    for (const name of readdirSync(join(folder, 'imagesTr')))
      renameSync(join(folder, 'imagesTr', name), join(folder, 'imagesTr', name.toUpperCase()));
    await expect(openPlannedDataset(folder)).rejects.toThrow(
      /imagesTr: 2 files not named CASE_0000\.nii\.gz, left out: A_0000\.NII\.GZ, A_0001\.NII\.GZ$/,
    );
  });

  it('names the label map that holds what dataset.json does not name', async () => {
    const dataset = await makeDataset(['a', 'b']);
    await write('labelsTr/b.nii.gz', (x) => (x === 2 ? 3 : 1));
    await expect(fingerprintOf(dataset, join(folder, 'fp'))).rejects.toThrow(
      `${join(folder, 'labelsTr/b.nii.gz')}: holds label 3, which dataset.json does not name`,
    );
  });

  it('keeps off a fingerprint that something else made', async () => {
    const dataset = await makeDataset(['a']);
    await mkdir(join(folder, 'fp'));
    writeFileSync(join(folder, 'fp/dataset_fingerprint.json'), '{}');
    await expect(fingerprintOf(dataset, join(folder, 'fp'))).rejects.toThrow(
      'holds dataset_fingerprint.json',
    );
  });
});

const real = fileURLToPath(new URL('../../../../../shared/data/hippocampus-mr', import.meta.url));
const planFile = join(real, '../../golden/nnunet-plans/nnUNetfork_imagesTs/plans.json');

test.skipIf(!existsSync(real))(
  'real MR scans agree with nnU-Net within sampling (skipped where ../shared is not there)',
  async () => {
    const dataset = await openPlannedDataset(real);
    const { foreground_intensity_properties_per_channel: of } = await fingerprintOf(
      dataset,
      join(folder, 'fp'),
    );
    // nnU-Net's are of 60 more cases.
    const theirs = JSON.parse(readFileSync(planFile, 'utf8')).foreground_intensity_properties_per_channel[0];
    for (const key of ['mean', 'median', 'std', 'percentile_00_5', 'percentile_99_5', 'max'])
      expect(Math.abs((of[0]![key] as number) - theirs[key]) / theirs[key], key).toBeLessThan(0.05);
  },
);
