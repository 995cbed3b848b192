/** Cases of any channels, prepared: what a network sees of the scan, in files of half precision's size. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NnunetScan } from '@organseg/core/inference/nnunet/nnunetScan.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { type Volume, voxelCount, type Xyz } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder, tinyConfig } from '../../test/fixture.ts';
import { preprocessingOf } from '../config/network.ts';
import { CaseStore } from './caseStore.ts';
import { preparedFor } from './prepareImage.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const shape: Xyz = [9, 8, 6];
const SPACING_MM: Xyz = [1, 1.5, 2];
/** Stored from left to right, so that it is turned; the outermost voxels are 0. */
const affine = scaleAndShift([-1, 1.5, 2], [0, 0, 0]);
const volume = (value: (x: number, y: number, z: number) => number): Volume<Float32Array> => ({
  shape,
  affine,
  data: Float32Array.from({ length: voxelCount(shape) }, (_, i) => {
    const [x, y, z] = [i % 9, Math.floor(i / 9) % 8, Math.floor(i / 72)];
    const isEdge = x === 0 || y === 0 || z === 0 || x === 8 || y === 7 || z === 5;
    return isEdge ? 0 : value(x, y, z);
  }),
});

test('are what the model sees of the scan, cropped to what is not 0; labels lie on the same grid', async () => {
  const folder = temporaryFolder();
  const channels = [volume((x, y, z) => 300 + x * y + 7 * z), volume((x, y) => 1 + ((x * 31 + y * 17) % 90))];
  const labels = { ...volume((x) => (x > 4 ? 2 : 1)), data: new Uint8Array(voxelCount(shape)) };
  labels.data.set(volume((x) => (x > 4 ? 2 : 1)).data);
  const files = await Promise.all(
    channels.map(async (channel, i) => {
      const file = join(folder, `a_000${i}.nii.gz`);
      await writeNiftiFile(file, channel);
      return file;
    }),
  );
  await writeNiftiFile(join(folder, 'labels.nii.gz'), labels);
  const config = tinyConfig({
    spacingMm: SPACING_MM,
    classes: 3,
    channels: [{ scheme: 'ZScoreNormalization', useMask: false }, { scheme: 'RescaleTo01Normalization' }],
  });
  const preprocessing = preprocessingOf(config);
  if (preprocessing.by !== 'nnU-Net') throw new Error('channels are prepared as nnU-Net does');
  const scan = new NnunetScan(channels, SPACING_MM, preprocessing);
  const [D, H, W] = scan.geometry.network;
  expect([D, H, W]).toEqual([4, 6, 7]);
  const seen = new Float32Array(2 * D * H * W);
  await scan.prepare(gpu, (first, values, channel) => seen.set(values, channel * D * H * W + first));

  const wanted = preparedFor(config, ['T1', 'T2']);
  const store = new CaseStore(gpu, join(folder, 'prepared'), wanted, config.classes);
  const source = { name: 'a', image: files[0]!, labels: join(folder, 'labels.nii.gz') };
  expect(await store.prepare(source)).toEqual([D, H, W]);
  const loaded = store.load(source);
  const [low, high] = scan.ranges[0]!;
  expect(low).toBeLessThan(-1);
  expect(high).toBeGreaterThan(1);
  loaded.image.forEach((value, i) => {
    expect(Math.abs(value - seen[i]!)).toBeLessThan(1e-4);
  });
  // Columns run from the patient's left to right now.
  expect([...loaded.labels.subarray(0, W)]).toEqual([2, 2, 2, 1, 1, 1, 1]);
  expect([...store.records.keys()].sort()).toEqual([...files, source.labels].sort());

  // Another file of a channel makes another image.
  const again = new CaseStore(gpu, join(folder, 'prepared'), wanted, config.classes);
  await again.prepare(source);
  expect(again.paths(source)).toEqual(store.paths(source));
  expect(again.records).toEqual(store.records);
  await writeNiftiFile(
    files[1]!,
    volume((x, y, z) => x + y * z),
  );
  const changed = new CaseStore(gpu, join(folder, 'prepared'), wanted, config.classes);
  await changed.prepare(source);
  expect(changed.paths(source).image).not.toBe(store.paths(source).image);
});

test('a scan that lacks a channel, or has one on another grid, is refused by name', async () => {
  const folder = temporaryFolder();
  const config = tinyConfig({ channels: [{ scheme: 'NoNormalization' }, { scheme: 'NoNormalization' }] });
  const wanted = preparedFor(config, ['T1', 'T2']);
  const store = new CaseStore(gpu, join(folder, 'prepared'), wanted, 2);
  const [first, second] = [join(folder, 'a_0000.nii.gz'), join(folder, 'a_0001.nii.gz')];
  await writeNiftiFile(
    first,
    volume(() => 1),
  );
  await expect(store.prepare({ name: 'a', image: first })).rejects.toThrow(`${second}: missing`);
  await writeNiftiFile(second, { ...volume(() => 1), affine: scaleAndShift([1, 1, 1], [0, 0, 0]) });
  await expect(store.prepare({ name: 'a', image: first })).rejects.toThrow(
    `${second}: lies on another grid than a_0000.nii.gz`,
  );
  writeFileSync(second, '');
  await expect(store.prepare({ name: 'a', image: first })).rejects.toThrow(second);
});
