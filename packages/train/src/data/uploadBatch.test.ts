/** Batches on the GPU: patches mixed with their partners, and their labels with the weights that they travel with. */
import { Random } from '@organseg/core/random.ts';
import { IGNORED, PSEUDO } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { download, downloadF32, empty, fromArray, release } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyConfig } from '../../test/fixture.ts';
import type { CopyPaste } from '../config/copyPaste.ts';
import type { BatchItem } from './batches.ts';
import type { Patch } from './patchSampler.ts';
import { uploadBatch } from './uploadBatch.ts';

describe('a mixed batch', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  const copyPaste = (refresh: CopyPaste['pseudoLabels']['refresh']): CopyPaste => ({
    partner: 'unlabelled',
    boxShare: 0.5,
    pseudoWeight: 0.5,
    labelledShare: 0,
    pseudoLabels: { refresh, leastProbability: 0.6 },
  });
  const patch = [2, 4, 4] as const;
  const config = tinyConfig({
    patch,
    batch: 2,
    weightAverage: 0.9,
    copyPaste: copyPaste(null),
    augmentations: [{ kind: 'mirror', x: 1, y: 0, z: 0 }],
  });
  const box = { from: [0, 1, 0], size: [2, 2, 3] } as const;
  const voxels = 32;
  const isInBox = (voxel: number) => {
    const [y, x] = [Math.floor(voxel / 4) % 4, voxel % 4];
    return y >= 1 && y < 3 && x < 3;
  };
  /** What lies at a voxel once the patch is mirrored along x. */
  const mirrored = <T>(of: (voxel: number) => T) =>
    Array.from({ length: voxels }, (_, voxel) => of(voxel - (voxel % 4) + 3 - (voxel % 4)));

  const items: BatchItem[] = [true, false].map((isPasted, i) => ({
    image: new Float32Array(voxels).fill(0.25),
    labels: new Uint8Array(voxels).fill(1),
    size: patch,
    random: new Random(i),
    partner: {
      image: new Float32Array(voxels).fill(0.75),
      labels: new Uint8Array(voxels).fill(PSEUDO | 2),
      size: patch,
      isPasted,
      box,
    },
  }));

  test('of several channels: mixed, mirrored and put beside one another', async () => {
    const channels = [1, 2].map(() => ({ scheme: 'NoNormalization' }) as const);
    const two = ({ image, ...rest }: Patch, values: readonly [number, number]) => ({
      ...rest,
      image: Float32Array.from({ length: 2 * image.length }, (_, i) => values[i < image.length ? 0 : 1]),
    });
    const both = items.map((item) => ({
      ...item,
      ...two(item, [0.25, -3]),
      partner: { ...item.partner!, ...two(item.partner!, [0.75, 7]) },
    }));
    const tensors = {
      image: empty(gpu, [2, ...patch, 2]),
      target: empty(gpu, [2, ...patch, 1], 'u8'),
    };
    uploadBatch(gpu, { ...config, channels } as typeof config, both, tensors, true);
    const isPartner = mirrored(isInBox);
    const expected = [isPartner, isPartner.map((is) => !is)].flatMap((item) =>
      item.flatMap((is) => (is ? [0.75, 7] : [0.25, -3])),
    );
    expect([...(await downloadF32(gpu, tensors.image))]).toEqual(expected);
    release(gpu, tensors.image, tensors.target);
  });

  const uploaded = async (
    settings: typeof config,
    teacher?: Parameters<typeof uploadBatch>[3]['teacher'],
  ) => {
    const tensors = {
      image: empty(gpu, [2, ...patch, 1]),
      target: empty(gpu, [2, ...patch, 1], 'u8'),
      teacher,
    };
    uploadBatch(gpu, settings, items, tensors, true);
    const content = {
      image: [...(await downloadF32(gpu, tensors.image))],
      labels: [...(await download(gpu, tensors.target))],
    };
    release(gpu, tensors.image, tensors.target);
    return content;
  };

  test('is cut, pasted and mirrored as one, the partner in the patch or the patch in the partner', async () => {
    const { image, labels } = await uploaded(config);
    const isPartner = [...mirrored(isInBox), ...mirrored((voxel) => !isInBox(voxel))];
    expect(image).toEqual(isPartner.map((is) => (is ? 0.75 : 0.25)));
    expect(labels).toEqual(isPartner.map((is) => (is ? PSEUDO | 2 : 1)));
  });

  test('has labels by the teacher where that sees each patch, ignored where it is unsure', async () => {
    // The teacher sees the partners mirrored, and is sure of class 3 at voxels 0 to 15 of each.
    const logits = new Float32Array(2 * voxels * config.classes);
    for (let i = 0; i < 2 * voxels; i++) logits[i * config.classes + 3] = i % voxels < 16 ? 9 : 1;
    const seen = empty(gpu, [2, ...patch, 1]);
    let shown: Float32Array | undefined;
    const teacher = {
      image: seen,
      logits: fromArray(gpu, logits, [2, ...patch, config.classes]),
      predict: () => {
        shown = new Float32Array();
      },
    };
    const { image, labels } = await uploaded({ ...config, copyPaste: copyPaste('each') }, teacher);
    expect(shown).toBeDefined();
    expect(await downloadF32(gpu, seen)).toEqual(new Float32Array(2 * voxels).fill(0.75));
    // Mixed behind the mirror: the box lies where it was drawn.
    const isPartner = Array.from({ length: 2 * voxels }, (_, i) => isInBox(i % voxels) === i < voxels);
    expect(image).toEqual(isPartner.map((is) => (is ? 0.75 : 0.25)));
    expect(labels).toEqual(isPartner.map((is, i) => (is ? (i % voxels < 16 ? PSEUDO | 3 : IGNORED) : 1)));
    release(gpu, seen, teacher.logits);
  });
});
