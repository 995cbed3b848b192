/** Patches as they are cut and augmented. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@organseg/core/random.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { download, fromArray } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder, writePrepared } from '../../test/fixture.ts';
import type { Augmentation } from '../config/augmentations.ts';
import { NNUNET_NOISE } from '../config/presets.ts';
import { augment, isGeometric, sizeToCut } from './augment.ts';
import { openPreparedCase, type PreparedPaths } from './openPreparedCase.ts';
import { type Centre, samplePatch } from './patchSampler.ts';
import type { PreparedCase } from './preparedCase.ts';

/** Writes a case in which each voxel's intensity is its own index and one organ has 3 × 2 × 2 voxels. */
function numbered(folder: string, size: Dhw): PreparedPaths {
  const count = size[0] * size[1] * size[2];
  const labels = new Uint8Array(count);
  for (const d of [4, 5, 6])
    for (const h of [2, 3]) for (const w of [7, 8]) labels[(d * size[1] + h) * size[2] + w] = 5;
  const image = Float32Array.from({ length: count }, (_, i) => i / 65535);
  return writePrepared(folder, 'numbered', { size, image, labels });
}

function preparedRow(labels: Uint8Array): PreparedCase {
  const size: Dhw = [1, 1, labels.length];
  const image = new Float32Array(labels.length);
  return openPreparedCase(writePrepared(temporaryFolder(), 'row', { size, image, labels }));
}

describe('patches', () => {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  const prepared = openPreparedCase(numbered(folder, [20, 16, 18]));
  const whole = prepared.labels([0, 0, 0], prepared.size);
  afterAll(() => {
    prepared.close();
    rmSync(folder, { recursive: true });
  });

  test('the n-th voxel from a label on is that of all voxels sorted by label', () => {
    const random = new Random(7);
    const noise = (share: number) =>
      Uint8Array.from({ length: 60 }, () => (random.chance(share) ? 3 + random.int(3) : 0));
    const maps = [whole, noise(0.5), noise(0.1), noise(0.9), noise(0), noise(1)];
    for (const labels of maps) {
      const file = preparedRow(labels);
      for (const label of [0, 1, 4, 5]) {
        const expected = [...labels.keys()]
          .filter((i) => labels[i]! >= label)
          .sort((a, b) => labels[a]! - labels[b]! || a - b);
        expect(expected.map((_, n) => file.nthVoxel(label, n))).toEqual(expected);
      }
      const counts = Array.from(
        { length: 256 },
        (_, label) => labels.filter((each) => each === label).length,
      );
      expect(file.labelVoxels).toEqual(counts);
      file.close();
    }
  });

  test('centre on each organ as often as on another, large or small', () => {
    const [random, row] = [new Random(5), [0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 0, 9, 9]];
    const file = preparedRow(Uint8Array.from(row));
    const drawn = Array.from({ length: 3000 }, () => samplePatch(file, [1, 1, 1], 'organ', random).labels[0]);
    file.close();
    for (const organ of [1, 2, 9]) {
      const share = drawn.filter((label) => label === organ).length / 3000;
      expect(share).toBeGreaterThan(0.3);
      expect(share).toBeLessThan(0.37);
    }
  });

  test('centre on what a case has, where it lacks organs or background', () => {
    const random = new Random(6);
    const labelsAt = (labels: number[], centre: Centre) => {
      const file = preparedRow(Uint8Array.from(labels));
      const label = samplePatch(file, [1, 1, 1], centre, random).labels[0];
      file.close();
      return label;
    };
    expect(labelsAt([0, 0, 0], 'organ')).toBe(0);
    expect(labelsAt([0, 0, 0], 1)).toBe(0);
    expect(labelsAt([7, 7], 0)).toBe(7);
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

  test('with a larger box about the patch’s centre, zeros beyond the volume', () => {
    const patch = samplePatch(prepared, [8, 6, 10], 0.5, new Random(4));
    const wide = samplePatch(prepared, [8, 6, 10], 0.5, new Random(4), [24, 22, 14]);
    expect(wide.size).toEqual([24, 22, 14]);
    const inner = Float32Array.from({ length: 480 }, (_, v) => {
      const [d, h, w] = [Math.floor(v / 60) + 8, (Math.floor(v / 10) % 6) + 8, (v % 10) + 2];
      return wide.image[(d * 22 + h) * 14 + w];
    });
    expect(inner).toEqual(patch.image);
  });

  test('centre on organs always, or anywhere', () => {
    const random = new Random(7);
    const share = (centre: 'organ' | 'anywhere') =>
      Array.from({ length: 500 }, () => samplePatch(prepared, [4, 4, 4], centre, random)).filter(
        ({ labels }) => labels[(2 * 4 + 2) * 4 + 2] === 5,
      ).length / 500;
    expect(share('organ')).toBe(1);
    expect(share('anywhere')).toBeLessThan(0.05); // 12 of 5760 voxels
  });

  test('centre on organs as often as asked', () => {
    const random = new Random(2);
    const centre = () => samplePatch(prepared, [4, 4, 4], 0.25, random).labels[(2 * 4 + 2) * 4 + 2] === 5;
    const share = Array.from({ length: 2000 }, centre).filter(Boolean).length / 2000;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.3);
  });

  test('never centre on what is ignored where there is anything else', () => {
    const size = [1, 8, 8] as const;
    const image = new Float32Array(64);
    // One voxel of an organ among ignored ones, beside some background.
    const labels = Uint8Array.from({ length: 64 }, (_, i) => (i === 20 ? 4 : i < 40 ? IGNORED : 0));
    const some = openPreparedCase(writePrepared(folder, 'some', { size, image, labels }));
    const random = new Random(5);
    const centre = (of: Centre) => samplePatch(some, [1, 1, 1], of, random).labels[0];
    for (let i = 0; i < 30; i++) {
      expect(centre('organ')).toBe(4);
      expect(centre(1)).toBe(4);
      expect(centre(0)).toBe(0);
    }
    some.close();
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

  const shape = [4, 6, 8] as const;
  const values = Float32Array.from({ length: 192 }, (_, i) => i / 192);
  const marks = Uint8Array.from({ length: 192 }, (_, i) => i);
  const mirror = { kind: 'mirror', x: 0, y: 0, z: 0 } as const;
  const intensities = NNUNET_NOISE.filter((each) => !isGeometric(each));
  const always = (list: readonly Augmentation[]) => list.map((each) => ({ ...each, probability: 1 }));

  const run = async (augmentations: readonly Augmentation[], seed = 1) => {
    const work = augment(
      gpu,
      { images: [fromArray(gpu, values, shape)], labels: fromArray(gpu, marks, shape) },
      { augmentations, patch: shape, spacingMm: [1, 1, 1] },
      new Random(seed),
    );
    runOnce(gpu, work.launches);
    return {
      image: (await download(gpu, work.images[0]!)) as Float32Array,
      labels: await download(gpu, work.labels),
    };
  };

  test('channels are moved alike, and changed by numbers of their own', async () => {
    const draw = async (augmentations: readonly Augmentation[]) => {
      const images = [values, values].map((each) => fromArray(gpu, each, shape));
      const patch = { images, labels: fromArray(gpu, marks, shape) };
      const work = augment(gpu, patch, { augmentations, patch: shape, spacingMm: [1, 1, 1] }, new Random(1));
      runOnce(gpu, work.launches);
      return Promise.all(work.images.map((image) => download(gpu, image)));
    };
    const [first, second] = await draw([{ ...mirror, x: 1 }]);
    expect(second).toEqual(first);
    expect(first).not.toEqual(values);
    const shift: Augmentation = { kind: 'shift', probability: 1, offset: [-1, 1] };
    const [one, other] = await draw([shift]);
    expect(other![0]! - values[0]!).not.toBeCloseTo(one![0]! - values[0]!, 2);
    // One channel alone is changed as the first of several.
    expect((await run([shift])).image).toEqual(one);
  });

  test('all probabilities 0 change nothing', async () => {
    const never = [...intensities.map((each) => ({ ...each, probability: 0 })), mirror];
    expect(await run(never)).toEqual({ image: values, labels: marks });
  });

  test('a mirror along x moves image and labels alike, along W', async () => {
    const { image, labels } = await run([{ ...mirror, x: 1 }]);
    labels.forEach((mark, i) => {
      expect(mark).toBe(i - (i % 8) + 7 - (i % 8));
      expect(image[i]).toBe(values[mark]);
    });
  });

  test('a mirror along y goes along H, one along z along D', async () => {
    const { labels } = await run([{ ...mirror, y: 1, z: 1 }]);
    expect(labels[0]).toBe(3 * 48 + 5 * 8);
    expect(labels[48]).toBe(2 * 48 + 5 * 8);
  });

  test('the intensities change, the labels do not; the same seed gives the same patch', async () => {
    const all = always(intensities);
    const [first, again, other] = [await run(all), await run(all), await run(all, 2)];
    expect(first.labels).toEqual(marks);
    expect(again).toEqual(first);
    expect(other.image).not.toEqual(first.image);
    expect(first.image.every(Number.isFinite)).toBe(true);
  });

  test('one probability does not change what another draws', async () => {
    const noise = { kind: 'noise', probability: 1, mean: [0, 0.5], std: [0, 1] } as const;
    const shift = { kind: 'shift', probability: 1, offset: [0.1, 0.3] } as const;
    const both = await run([noise, shift] as Augmentation[]);
    const alone = await run([noise, { ...shift, probability: 0 }] as Augmentation[]);
    const offset = both.image[0] - alone.image[0];
    expect(offset).toBeGreaterThan(0);
    alone.image.forEach((x, i) => {
      expect(both.image[i] - x).toBeCloseTo(offset, 5);
    });
  });
});

describe('a resampling', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  const off = {
    kind: 'spatial',
    rotation: { probability: 0, degrees: [30, 30] },
    scaling: { probability: 0, factor: [1.3, 1.3] },
    elastic: { probability: 0, pointsMm: 8, displacementMm: [3, 3] },
  } satisfies Augmentation;
  // A ball of 14 mm about the middle of a grid whose voxels are 1 × 2 × 4 mm (x y z).
  const spacingMm = [1, 2, 4] as const;
  const patch = [10, 20, 40] as const;
  const run = async (spatial: Augmentation, seed = 1) => {
    const settings = { augmentations: [spatial], patch, spacingMm };
    const size = sizeToCut(settings, new Random(seed));
    const [depth, height, width] = size;
    const ball = Uint8Array.from({ length: depth * height * width }, (_, i) => {
      const at = [Math.floor(i / height / width), Math.floor(i / width) % height, i % width];
      const mm = at.map((v, axis) => (v - (size[axis] - 1) / 2) * spacingMm[2 - axis]);
      return Math.hypot(...mm) < 14 ? 3 : 0;
    });
    const image = Float32Array.from(ball, (label) => label / 3);
    const work = augment(
      gpu,
      { images: [fromArray(gpu, image, size)], labels: fromArray(gpu, ball, size) },
      settings,
      new Random(seed),
    );
    runOnce(gpu, work.launches);
    const labels = (await download(gpu, work.labels)) as Uint8Array;
    return { size, labels, image: (await download(gpu, work.images[0]!)) as Float32Array };
  };
  const voxels = (labels: Uint8Array) => labels.filter((label) => label === 3).length;

  test('of a ball leaves a ball: turned it keeps its form in mm, scaled by s it has 1/s³ of its volume', async () => {
    const still = await run(off);
    expect(still.size).toEqual(patch);
    const turned = await run({ ...off, rotation: { probability: 1, degrees: [-30, 30] } });
    expect(turned.size.every((n, axis) => n >= patch[axis] && (n - patch[axis]) % 2 === 0)).toBe(true);
    const differing = turned.labels.filter((label, i) => label !== still.labels[i]).length;
    expect(differing).toBeLessThan(0.2 * voxels(still.labels));
    const scaled = await run({ ...off, scaling: { ...off.scaling, probability: 1 } });
    const share = voxels(scaled.labels) / voxels(still.labels);
    expect(share).toBeGreaterThan(0.9 / 1.3 ** 3);
    expect(share).toBeLessThan(1.1 / 1.3 ** 3);
  });

  test('bends image and labels alike', async () => {
    const { image, labels } = await run({ ...off, elastic: { ...off.elastic, probability: 1 } });
    const agree = labels.filter((label, i) => (label === 3) === image[i] > 0.5).length;
    expect(agree).toBeGreaterThan(0.97 * labels.length);
    const still = await run(off);
    expect(labels.filter((label, i) => label !== still.labels[i]).length).toBeGreaterThan(50);
  });
});
