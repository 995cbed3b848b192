/**
 * The batches of an epoch, as batchPlan.ts lays them out. A run goes on anywhere without replaying what came before.
 * Patches of some steps to come are cut ahead, in threads.
 */
import { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { copyInto, elementCount, empty, fromArray, release, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Config, TrainingPhase } from '../config/schema.ts';
import { augment, isGeometric, sizeToCut } from './augment.ts';
import { type CaseCounts, planStep, stepsPerEpoch, supervisedItems } from './batchPlan.ts';
import { PatchPool } from './patchPool.ts';
import type { Patch } from './patchSampler.ts';
import type { PreparedPaths } from './preparedCase.ts';

export interface BatchItem extends Patch {
  /** Generator of its augmentation. */
  readonly random: Random;
}

/** Number of steps whose patches are cut ahead: they take the memory of a few patches. */
const STEPS_AHEAD = 3;

export class Batches {
  readonly #config: Config;
  readonly #cases: readonly PreparedPaths[];
  readonly #counts: CaseCounts;
  readonly #augmented: boolean;
  readonly #random: Random;
  readonly #steps: number;
  readonly #pool = new PatchPool();
  /** Patches that are cut or being cut, by the step's number in the run. */
  readonly #ahead = new Map<number, Promise<BatchItem[]>>();

  /** `cases` are the training cases, prepared, in the order of their kinds. Whoever makes it closes it. */
  constructor(
    config: Config,
    phase: TrainingPhase,
    cases: readonly PreparedPaths[],
    counts: CaseCounts,
    random: Random,
  ) {
    const { epochs, augment: augmented } = config[phase];
    this.#config = config;
    this.#cases = cases;
    this.#counts = counts;
    this.#augmented = augmented;
    this.#random = random;
    this.#steps = epochs * this.perEpoch;
  }

  /** Steps of an epoch. */
  get perEpoch(): number {
    return stepsPerEpoch(this.#config, this.#counts);
  }

  /** The patches of one step; those of the next ones begin to be cut. Throws InputError that names a broken file. */
  take(epoch: number, step: number): Promise<BatchItem[]> {
    const first = epoch * this.perEpoch + step;
    for (let at = first; at <= Math.min(first + STEPS_AHEAD, this.#steps - 1); at++) {
      if (this.#ahead.has(at)) continue;
      const patches = this.#patches(Math.floor(at / this.perEpoch), at % this.perEpoch);
      patches.catch(() => {}); // thrown when they are taken, if they are
      this.#ahead.set(at, patches);
    }
    const taken = this.#ahead.get(first)!;
    this.#ahead.delete(first);
    return taken;
  }

  #patches(epoch: number, step: number): Promise<BatchItem[]> {
    const { patch } = this.#config;
    const inEpoch = this.#random.fork('epoch').fork(epoch);
    const planned = planStep(this.#config, this.#counts, inEpoch, step);
    return Promise.all(
      planned.map(async ({ case: number, centre, random: own }) => {
        const { random, ...sampled } = await this.#pool.sample({
          paths: this.#cases[number]!,
          patch,
          centre,
          size: this.#augmented ? sizeToCut(this.#config, own) : patch,
          random: own.state,
        });
        return { ...sampled, random: Random.from(random) };
      }),
    );
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** The tensors that a batch is uploaded to. */
export interface BatchTensors {
  /** f32 [N, D, H, W, 1] */
  readonly image: Tensor;
  /** u8 [N − U, D, H, W, 1]: labels of the items that have some, the first ones. */
  readonly target: Tensor;
  /** f32 [U, D, H, W, 1]: what a teacher sees of the other ones. */
  readonly teacherImage: Tensor | undefined;
}

/**
 * Uploads patches, augmented if asked for. Where there is a teacher, the items that it sees are moved as the student's
 * are, and their intensities are changed by other numbers.
 */
export function uploadBatch(
  gpu: Gpu,
  config: Config,
  items: readonly BatchItem[],
  { image: input, target, teacherImage }: BatchTensors,
  augmented: boolean,
): void {
  const voxels = elementCount(config.patch);
  const supervised = supervisedItems(config);
  const settings = augmented ? config : { ...config, augmentations: [] };
  items.forEach(({ image, labels, size, random }, i) => {
    const tensors = { image: fromArray(gpu, image, size), labels: fromArray(gpu, labels, size) };
    if (i < supervised || !teacherImage) {
      const work = augment(gpu, tensors, settings, random);
      runOnce(gpu, work.launches);
      copyInto(gpu, work.image, input, i * voxels);
      copyInto(gpu, work.labels, target, i * voxels);
      release(gpu, ...work.scratch);
    } else {
      const moved = augment(gpu, tensors, settings, random, isGeometric);
      runOnce(gpu, moved.launches);
      const seenIn = (tensor: Tensor, item: number, own: Random) => {
        // Changes are made in place: each has a copy of its own.
        const copy = { image: empty(gpu, config.patch), labels: moved.labels };
        copyInto(gpu, moved.image, copy.image, 0);
        const work = augment(gpu, copy, settings, own, (each) => !isGeometric(each));
        runOnce(gpu, work.launches);
        copyInto(gpu, work.image, tensor, item * voxels);
        release(gpu, copy.image, ...work.scratch);
      };
      seenIn(input, i, random);
      seenIn(teacherImage, i - supervised, random.fork('teacher'));
      release(gpu, ...moved.scratch);
    }
    release(gpu, tensors.image, tensors.labels);
  });
}
