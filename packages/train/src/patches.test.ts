import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@organseg/core/random.ts';
import { type Gpu, openGpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { download, fromArray } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder, writePrepared } from '../test/fixture.ts';
import { augment } from './augment.ts';
import { samplePatch } from './patchSampler.ts';
import { PreparedFile, type Size } from './preparedFile.ts';
import { PRESETS } from './presets.ts';

/** Writes a case in which each voxel's intensity is its own index and one organ has 3 × 2 × 2 voxels. */
function numbered(folder: string, size: Size): string {
  const count = size[0] * size[1] * size[2];
  const labels = new Uint8Array(count);
  for (const d of [4, 5, 6])
    for (const h of [2, 3]) for (const w of [7, 8]) labels[(d * size[1] + h) * size[2] + w] = 5;
  const image = Float32Array.from({ length: count }, (_, i) => i / 65535);
  return writePrepared(folder, 'numbered', { size, image, labels });
}

describe('patches', () => {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  const prepared = new PreparedFile(numbered(folder, [20, 16, 18]));
  const whole = prepared.labels([0, 0, 0], prepared.size);
  afterAll(() => {
    prepared.close();
    rmSync(folder, { recursive: true });
  });

  test('the n-th voxel of organs and of background is that of a scan over all voxels', () => {
    const random = new Random(7);
    const noise = (share: number) => Uint8Array.from({ length: 60 }, () => (random.chance(share) ? 3 : 0));
    const maps = [whole, noise(0.5), noise(0.1), noise(0.9), noise(0), noise(1)];
    for (const labels of maps) {
      const size: Size = [1, 1, labels.length];
      const image = new Float32Array(labels.length);
      const file = new PreparedFile(writePrepared(temporaryFolder(), 'row', { size, image, labels }));
      for (const foreground of [true, false]) {
        const expected = [...labels.keys()].filter((i) => labels[i]! > 0 === foreground);
        expect(expected.map((_, n) => file.nthVoxel(n, foreground))).toEqual(expected);
      }
      expect(file.foregroundVoxels).toBe(labels.filter((label) => label > 0).length);
      file.close();
    }
  });

  test('are boxes of the volume, image and labels alike', () => {
    const random = new Random(1);
    for (let i = 0; i < 50; i++) {
      const { image, labels } = samplePatch(prepared, [8, 6, 10], 0.5, random);
      const indices = Array.from(image, (x) => Math.round(x * 65535));
      const first = indices[0];
      indices.forEach((index, v) => {
        const [d, h, w] = [Math.floor(v / 60), Math.floor(v / 10) % 6, v % 10];
        expect(index).toBe(first + (d * 16 + h) * 18 + w);
        expect(labels[v]).toBe(whole[index]);
      });
    }
  });

  test('centre on organs as often as asked', () => {
    const random = new Random(2);
    const centre = () => samplePatch(prepared, [4, 4, 4], 0.25, random).labels[(2 * 4 + 2) * 4 + 2] === 5;
    const share = Array.from({ length: 2000 }, centre).filter(Boolean).length / 2000;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.3);
  });

  test('larger than the volume are padded with zeros on both sides', () => {
    const { image, labels } = samplePatch(prepared, [24, 16, 24], 1, new Random(3));
    const at = (d: number, h: number, w: number) => Math.round(image[(d * 16 + h) * 24 + w] * 65535);
    expect(at(2, 0, 3)).toBe(0); // voxel (0, 0, 0), whose intensity is its index
    expect(at(2, 0, 4)).toBe(1);
    expect(at(21, 15, 20)).toBe(20 * 16 * 18 - 1);
    expect([at(1, 8, 8), at(22, 8, 8), at(8, 8, 2), at(8, 8, 21)]).toEqual([0, 0, 0, 0]);
    expect(labels.filter((label) => label === 5).length).toBe(12);
  });
});

describe('augmentation', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  const shape = [4, 6, 8];
  const off = { ...PRESETS.gao2022, flipX: 0, flipY: 0 };
  for (const key of ['smooth', 'noise', 'gamma', 'shift'] as const)
    off[key] = { ...off[key], probability: 0 } as never;
  const values = Float32Array.from({ length: 192 }, (_, i) => i / 192);
  const marks = Uint8Array.from({ length: 192 }, (_, i) => i);

  const run = async (config: typeof off, seed = 1) => {
    const work = augment(
      gpu,
      { image: fromArray(gpu, values, shape), labels: fromArray(gpu, marks, shape) },
      config,
      new Random(seed),
    );
    runOnce(gpu, work.launches);
    return { image: await download(gpu, work.image), labels: await download(gpu, work.labels) };
  };

  test('all probabilities 0 change nothing', async () => {
    expect(await run(off)).toEqual({ image: values, labels: marks });
  });

  test('a flip along x moves image and labels alike, along W', async () => {
    const { image, labels } = await run({ ...off, flipX: 1 });
    labels.forEach((mark, i) => {
      expect(mark).toBe(i - (i % 8) + 7 - (i % 8));
      expect(image[i]).toBe(values[mark]);
    });
  });

  test('a flip along y goes along H', async () => {
    const { labels } = await run({ ...off, flipY: 1 });
    expect(labels[0]).toBe(5 * 8);
    expect(labels[48]).toBe(48 + 5 * 8);
  });

  test('the intensities change, the labels do not; the same seed gives the same patch', async () => {
    const all = { ...off };
    for (const key of ['smooth', 'noise', 'gamma', 'shift'] as const)
      all[key] = { ...all[key], probability: 1 } as never;
    const [first, again, other] = [await run(all), await run(all), await run(all, 2)];
    expect(first.labels).toEqual(marks);
    expect(again).toEqual(first);
    expect(other.image).not.toEqual(first.image);
  });

  test('one probability does not change what another draws', async () => {
    const noise = { ...off.noise, probability: 1 };
    const shift = { ...off.shift, probability: 1 };
    const [both, alone] = [await run({ ...off, noise, shift }), await run({ ...off, noise })];
    const offset = both.image[0] - alone.image[0];
    expect(offset).toBeGreaterThan(0);
    alone.image.forEach((x, i) => {
      expect(both.image[i] - x).toBeCloseTo(offset, 5);
    });
  });
});
