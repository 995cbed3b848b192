/**
 * The batches of an epoch, as batchPlan.ts lays them out. A run goes on anywhere without replaying what came before.
 * Patches of some steps to come are cut ahead.
 */
import { Random } from '@organseg/core/random.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import type { MixPatches } from '@organseg/kernels/ops/mixPatches.ts';
import { labelsPatches } from '../config/copyPaste.ts';
import type { Config, TrainingPhase } from '../config/schema.ts';
import { firstMixedEpoch } from '../step/schedule.ts';
import { sizeToCut } from './augment.ts';
import { type CaseCounts, type PlannedPatch, planStep, stepsPerEpoch } from './batchPlan.ts';
import type { PreparedPaths } from './openPreparedCase.ts';
import type { Patch, PatchCutter } from './patchSampler.ts';

export interface BatchItem extends Patch {
  /** Generator of its augmentation. */
  readonly random: Random;
  /** The patch that it is mixed with, of the same size. */
  readonly partner?: Partner;
}

export interface Partner extends Patch {
  /** Whether the partner's box is pasted into the item, or the item's into the partner. */
  readonly isPasted: boolean;
  readonly box: MixPatches['box'];
}

/** Number of steps whose patches are cut ahead: they take the memory of a few patches. */
const STEPS_AHEAD = 3;

export class Batches {
  readonly #config: Config;
  #cases: readonly PreparedPaths[];
  readonly #counts: CaseCounts;
  readonly #augmented: boolean;
  /** The epoch with which copy-paste begins. */
  readonly #mixesFrom: number;
  readonly #random: Random;
  readonly #steps: number;
  readonly #cutter: PatchCutter;
  /** Patches that are cut or being cut, by the step's number in the run. */
  readonly #ahead = new Map<number, Promise<BatchItem[]>>();

  /** `cases` are the training cases, prepared, in the order of their kinds. Whoever makes it closes it, and the cutter with it. */
  constructor(
    config: Config,
    phase: TrainingPhase,
    cases: readonly PreparedPaths[],
    counts: CaseCounts,
    random: Random,
    cutter: PatchCutter,
  ) {
    const { epochs, augment: augmented } = config[phase];
    this.#config = config;
    this.#cases = cases;
    this.#counts = counts;
    this.#augmented = augmented;
    this.#mixesFrom = firstMixedEpoch(config, phase);
    this.#random = random;
    this.#cutter = cutter;
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

  /** Cuts from these cases from now on, which are as many and of the same kinds; what was cut ahead is cut again. */
  setCases(cases: readonly PreparedPaths[]): void {
    this.#cases = cases;
    this.#ahead.clear();
  }

  #patches(epoch: number, step: number): Promise<BatchItem[]> {
    const inEpoch = this.#random.fork('epoch').fork(epoch);
    const mixes = epoch >= this.#mixesFrom;
    return Promise.all(
      planStep(this.#config, this.#counts, inEpoch, step, mixes).map((each) => this.#item(each)),
    );
  }

  async #item({ random: own, partner, ...place }: PlannedPatch): Promise<BatchItem> {
    const { patch, copyPaste } = this.#config;
    const size = this.#augmented ? sizeToCut(this.#config, own) : patch;
    const cut = (from: Pick<PlannedPatch, 'case' | 'centre'>, random: Random) => {
      const paths = this.#cases[from.case]!;
      return this.#cutter.sample({ paths, patch, centre: from.centre, size, random: random.state });
    };
    const [{ random, ...sampled }, other] = await Promise.all([
      cut(place, own),
      partner && cut(partner, partner.random),
    ]);
    const item = { ...sampled, random: Random.from(random) };
    if (!partner || !other) return item;
    const box = drawBox(labelsPatches(this.#config) ? patch : size, copyPaste!.boxShare, own.fork('box'));
    const { image, labels } = other;
    return { ...item, partner: { image, labels, size, isPasted: partner.isPasted, box } };
  }

  close(): Promise<void> {
    return this.#cutter.close();
  }
}

/** A box of this share of the patch's sides, anywhere in it. */
function drawBox(patch: Dhw, share: number, random: Random): MixPatches['box'] {
  const size = dhw((axis) => Math.round(share * patch[axis]));
  return { size, from: dhw((axis) => random.int(patch[axis] - size[axis] + 1)) };
}
