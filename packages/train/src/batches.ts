/**
 * An epoch's batches: every training case once, in an order of its own, some patches from each.
 *
 * Which patch comes where is a pure function of the seed, the epoch and the place in it, so that a run goes on
 * anywhere without replaying what came before.
 */
import type { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { copyInto, elementCount, fromArray, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { augment, sizeToCut } from './augment.ts';
import type { CaseStore } from './caseStore.ts';
import type { Config } from './config.ts';
import type { DatasetCase } from './dataset.ts';
import { type Patch, samplePatch } from './patchSampler.ts';

interface BatchItem extends Patch {
  /** For its augmentation. */
  readonly random: Random;
}

export class Batches {
  readonly #config: Config;
  readonly #cases: readonly DatasetCase[];
  readonly #store: CaseStore;
  readonly #random: Random;

  constructor(config: Config, cases: readonly DatasetCase[], store: CaseStore, random: Random) {
    this.#config = config;
    this.#cases = cases;
    this.#store = store;
    this.#random = random;
  }

  get perEpoch(): number {
    return Math.ceil((this.#cases.length * this.#config.patchesPerImage) / this.#config.batch);
  }

  /** The patches of one step. A last batch that lacks patches takes further ones of the first cases. */
  async patches(epoch: number, step: number, augmented: boolean): Promise<BatchItem[]> {
    const { batch, patchesPerImage, patch, foregroundProbability } = this.#config;
    const inEpoch = this.#random.fork('epoch').fork(epoch);
    const order = inEpoch.fork('order').shuffle([...this.#cases]);
    const items: BatchItem[] = [];
    for (let place = step * batch; place < (step + 1) * batch; place++) {
      const source = order[Math.floor(place / patchesPerImage) % order.length];
      const prepared = await this.#store.load(source);
      const random = inEpoch.fork('patch').fork(place);
      const size = augmented ? sizeToCut(this.#config, random) : patch;
      items.push({ ...samplePatch(prepared, patch, foregroundProbability, random, size), random });
    }
    return items;
  }

  /** Uploads patches, augmented if asked for, into the network's input and target. */
  upload(gpu: Gpu, items: readonly BatchItem[], input: Tensor, target: Tensor, augmented: boolean): void {
    const { patch } = this.#config;
    items.forEach(({ image, labels, size, random }, i) => {
      const tensors = { image: fromArray(gpu, image, size), labels: fromArray(gpu, labels, size) };
      const work = augmented
        ? augment(gpu, tensors, this.#config, random)
        : { ...tensors, launches: [], scratch: [] };
      runOnce(gpu, work.launches);
      copyInto(gpu, work.image, input, i * elementCount(patch));
      copyInto(gpu, work.labels, target, i * elementCount(patch));
      release(gpu, tensors.image, tensors.labels, ...work.scratch);
    });
  }
}
