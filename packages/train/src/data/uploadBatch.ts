/** The way of a batch's patches onto the GPU: mixed, augmented, and put where the next step reads them. */
import type { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { argmax } from '@organseg/kernels/ops/argmax.ts';
import { cutWindow } from '@organseg/kernels/ops/cutWindow.ts';
import { mixPatches } from '@organseg/kernels/ops/mixPatches.ts';
import { copyInto, elementCount, empty, fromArray, release, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Augmentation } from '../config/augmentations.ts';
import { labelsPatches } from '../config/copyPaste.ts';
import { leastProbabilities } from '../config/leastProbability.ts';
import type { Config } from '../config/schema.ts';
import { augment, isGeometric, type PatchTensors } from './augment.ts';
import type { BatchItem, Partner } from './batches.ts';
import { supervisedItems } from './batchPlan.ts';
import type { Patch } from './patchSampler.ts';

/** The tensors that a batch is uploaded to. */
export interface BatchTensors {
  /** f32 [N, D, H, W, C] */
  readonly image: Tensor;
  /** u8 [N − U, D, H, W, 1]: labels of the items that have some, the first ones. */
  readonly target: Tensor;
  /** What labels unlabelled patches in each step. */
  readonly teacher?: Teacher | undefined;
}

interface Teacher {
  /** f32 [U, D, H, W, C]: the patches that it sees; under copy-paste U is N. */
  readonly image: Tensor;
  /** [U, D, H, W, C]: the logits of its last prediction. */
  readonly logits: Tensor;
  predict(): void;
}

type Settings = Pick<
  Config,
  'patch' | 'batch' | 'spacingMm' | 'augmentations' | 'consistency' | 'copyPaste' | 'classes'
>;

/**
 * Uploads patches, augmented if asked for. Patches are mixed with their partners before they are augmented; where a
 * teacher labels the partners, between the augmentations that move voxels and those that change intensities. What the
 * teacher of consistency training sees is moved as the student's patch is, and changed by other numbers.
 */
export function uploadBatch(
  gpu: Gpu,
  config: Settings,
  items: readonly BatchItem[],
  tensors: BatchTensors,
  augmented: boolean,
): void {
  const settings = augmented ? config : { ...config, augmentations: [] };
  const { teacher } = tensors;
  if (teacher && labelsPatches(config)) uploadTaught(gpu, settings, items, tensors, teacher);
  else for (const [i, item] of items.entries()) uploadItem(gpu, settings, item, i, tensors);
}

function uploadItem(
  gpu: Gpu,
  config: Settings,
  item: BatchItem,
  i: number,
  { image, target, teacher }: BatchTensors,
): void {
  const work = new PatchWork(gpu, config);
  const supervised = supervisedItems(config);
  const voxels = elementCount(config.patch);
  if (i < supervised || !teacher) {
    const own = work.upload(item);
    const mixed = item.partner ? work.mix(own, work.upload(item.partner), item.partner) : own;
    const seen = work.augment(mixed, item.random);
    place(gpu, seen, image, i);
    copyInto(gpu, seen.labels, target, i * voxels);
  } else {
    const moved = work.augment(work.upload(item), item.random, isGeometric);
    const student = work.augment(work.copy(moved), item.random, changesIntensities);
    const taught = work.augment(moved, item.random.fork('teacher'), changesIntensities);
    place(gpu, student, image, i);
    place(gpu, taught, teacher.image, i - supervised);
  }
  work.release();
}

/** A batch whose unlabelled patches the teacher labels, all at once. */
function uploadTaught(
  gpu: Gpu,
  config: Settings,
  items: readonly BatchItem[],
  { image, target }: BatchTensors,
  teacher: Teacher,
): void {
  const work = new PatchWork(gpu, config);
  const voxels = elementCount(config.patch);
  const moved = items.map(({ partner, random, ...own }, i) => {
    const labelled = work.augment(work.upload(own), random, isGeometric);
    if (!partner) return { labelled };
    const unlabelled = work.augment(work.upload(partner), random, isGeometric);
    place(gpu, unlabelled, teacher.image, i);
    return { labelled, unlabelled };
  });
  teacher.predict();
  const least = work.least();
  for (const [i, { labelled, unlabelled }] of moved.entries()) {
    const { partner, random } = items[i]!;
    const mixed =
      partner && unlabelled
        ? work.mix(labelled, { ...unlabelled, labels: work.labelsOf(teacher.logits, i, least) }, partner)
        : labelled;
    const seen = work.augment(mixed, random, changesIntensities);
    place(gpu, seen, image, i);
    copyInto(gpu, seen.labels, target, i * voxels);
  }
  work.release();
}

/** Puts a patch's channels into the place of an item of a batch, f32 [N, D, H, W, C]. */
function place(gpu: Gpu, { images }: PatchTensors, batch: Tensor, item: number): void {
  const [only, ...others] = images;
  const { shape } = only!;
  if (!others.length) copyInto(gpu, only!, batch, item * elementCount(shape));
  else
    for (const [channel, volume] of images.entries()) {
      const call = { volume, depth: shape[0]!, windows: batch, item, channel };
      runOnce(gpu, cutWindow(gpu, { ...call, origin: [0, 0, 0], mirrored: [false, false, false] }));
    }
}

const changesIntensities = (augmentation: Augmentation): boolean => !isGeometric(augmentation);

/** What is done with patches on the GPU, and the memory that it takes until it is released. */
class PatchWork {
  readonly #gpu: Gpu;
  readonly #config: Settings;
  readonly #scratch: Tensor[] = [];

  constructor(gpu: Gpu, config: Settings) {
    this.#gpu = gpu;
    this.#config = config;
  }

  upload({ image, labels, size }: Patch): PatchTensors {
    const voxels = labels.length;
    return this.#kept({
      images: Array.from({ length: image.length / voxels }, (_, channel) =>
        fromArray(this.#gpu, image.subarray(channel * voxels, (channel + 1) * voxels), size),
      ),
      labels: fromArray(this.#gpu, labels, size),
    });
  }

  /** The same patch, whose intensities can be changed in place. */
  copy({ images, labels }: PatchTensors): PatchTensors {
    const copied = images.map((image) => {
      const own = this.#empty(image);
      copyInto(this.#gpu, image, own, 0);
      return own;
    });
    return { images: copied, labels };
  }

  /** A patch and its partner, mixed. */
  mix(own: PatchTensors, other: PatchTensors, { box, isPasted }: Partner): PatchTensors {
    const output = { images: own.images.map((image) => this.#empty(image)), labels: this.#empty(own.labels) };
    const [inside, outside] = isPasted ? [other, own] : [own, other];
    runOnce(this.#gpu, mixPatches(this.#gpu, { inside, outside, box, output }));
    return output;
  }

  augment(
    patch: PatchTensors,
    random: Random,
    chosen?: (augmentation: Augmentation) => boolean,
  ): PatchTensors {
    const { launches, scratch, images, labels } = augment(this.#gpu, patch, this.#config, random, chosen);
    runOnce(this.#gpu, launches);
    this.#scratch.push(...scratch);
    return { images, labels };
  }

  /** f32 [C]: the least probability of a pseudo-label that counts. */
  least(): Tensor {
    const { classes, copyPaste } = this.#config;
    const least = leastProbabilities(copyPaste!.pseudoLabels.leastProbability, classes);
    const tensor = fromArray(this.#gpu, Float32Array.from(least), [classes]);
    this.#scratch.push(tensor);
    return tensor;
  }

  /** u8 [D, H, W]: the pseudo-labels of one of the patches whose logits these are. */
  labelsOf(logits: Tensor, patch: number, least: Tensor): Tensor {
    const voxels = elementCount(this.#config.patch);
    const labels = empty(this.#gpu, this.#config.patch, 'u8');
    this.#scratch.push(labels);
    runOnce(this.#gpu, argmax(this.#gpu, { logits, labels, first: patch * voxels, voxels, least }));
    return labels;
  }

  release(): void {
    release(this.#gpu, ...this.#scratch);
  }

  #empty(like: Tensor): Tensor {
    const tensor = empty(this.#gpu, like.shape, like.dtype);
    this.#scratch.push(tensor);
    return tensor;
  }

  #kept(patch: PatchTensors): PatchTensors {
    this.#scratch.push(...patch.images, patch.labels);
    return patch;
  }
}
