/**
 * An epoch's batches: every training case once, in an order of its own, some patches from each.
 *
 * Which patch comes where is a pure function of the seed, the epoch and the place in it, so that a run goes on
 * anywhere without replaying what came before. Patches of some steps to come are cut ahead, in threads.
 */
import { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { copyInto, elementCount, fromArray, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { augment } from './augment.ts';
import type { Config } from './config.ts';
import { PatchPool } from './patchPool.ts';
import type { Patch } from './patchSampler.ts';

export interface BatchItem extends Patch {
  /** For its augmentation. */
  readonly random: Random;
}

/** Steps whose patches are cut ahead: what they take of memory is a few patches. */
const STEPS_AHEAD = 3;

export class Batches {
  readonly #config: Config;
  readonly #paths: readonly string[];
  readonly #random: Random;
  readonly #steps: number;
  readonly #pool = new PatchPool();
  /** By the step's number in the run. */
  readonly #ahead = new Map<number, Promise<BatchItem[]>>();

  /** `paths` are the training cases', prepared; `epochs` those of the run. Close it. */
  constructor(config: Config, paths: readonly string[], epochs: number, random: Random) {
    this.#config = config;
    this.#paths = paths;
    this.#random = random;
    this.#steps = epochs * this.perEpoch;
  }

  get perEpoch(): number {
    return Math.ceil((this.#paths.length * this.#config.patchesPerImage) / this.#config.batch);
  }

  /** The patches of one step; those of the next ones begin to be cut. */
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

  /** A last batch that lacks patches takes further ones of the first cases. */
  #patches(epoch: number, step: number): Promise<BatchItem[]> {
    const { batch, patchesPerImage, patch, foregroundProbability } = this.#config;
    const inEpoch = this.#random.fork('epoch').fork(epoch);
    const order = inEpoch.fork('order').shuffle([...this.#paths]);
    const places = Array.from({ length: batch }, (_, i) => step * batch + i);
    return Promise.all(
      places.map(async (place) => {
        const path = order[Math.floor(place / patchesPerImage) % order.length]!;
        const { state } = inEpoch.fork('patch').fork(place);
        const { random, ...sampled } = await this.#pool.sample({
          path,
          patch,
          foregroundProbability,
          random: state,
        });
        return { ...sampled, random: Random.from(random) };
      }),
    );
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Uploads patches, augmented if asked for, into the network's input and target. */
export function uploadBatch(
  gpu: Gpu,
  config: Config,
  items: readonly BatchItem[],
  { image: input, target }: { readonly image: Tensor; readonly target: Tensor },
  augmented: boolean,
): void {
  const { patch } = config;
  items.forEach(({ image, labels, random }, i) => {
    const tensors = { image: fromArray(gpu, image, patch), labels: fromArray(gpu, labels, patch) };
    const work = augmented
      ? augment(gpu, tensors, config, random)
      : { ...tensors, launches: [], scratch: [] };
    runOnce(gpu, work.launches);
    copyInto(gpu, work.image, input, i * elementCount(patch));
    copyInto(gpu, work.labels, target, i * elementCount(patch));
    release(gpu, tensors.image, tensors.labels, ...work.scratch);
  });
}
