/** The networks that segment a case: one, or several of one architecture whose logits are averaged. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import { type ClassGroup, type InferenceProgram, inferenceProgram } from '../network/inferenceProgram.ts';
import { recordNetwork } from '../network/network.ts';
import type { NetworkConfig } from '../network/networkConfig.ts';
import type { ParameterValues } from '../network/parameters.ts';
import type { NetworkMemory } from '../network/program.ts';

/** What a program for windows is made for. */
export interface NetworksOptions {
  readonly patch: Dhw;
  /** The windows of a batch; 1 unless given. */
  readonly batch?: number;
  /** The classes whose logits are computed together; all unless given. */
  readonly classesAtOnce?: number;
  /** The weights of all models; a single one needs none. */
  readonly weights?: readonly ParameterValues[];
}

/** A program for batches of windows. One model's weights at a time are on the GPU, so that several take no more memory. */
export class Networks {
  readonly network: NetworkConfig;
  readonly patch: Dhw;
  /** The windows of a batch. */
  readonly batch: number;
  /** The classes of a group, see `run`. */
  readonly classesAtOnce: number;
  /** The number of models. */
  readonly count: number;
  readonly #gpu: Gpu;
  readonly #memory: NetworkMemory;
  readonly #weights: readonly ParameterValues[];
  readonly #inference: InferenceProgram;
  #current = 0;

  /** `memory` holds the first model's weights. */
  constructor(
    gpu: Gpu,
    network: NetworkConfig,
    memory: NetworkMemory,
    { patch, batch = 1, classesAtOnce = network.classes, weights = [] }: NetworksOptions,
  ) {
    this.#gpu = gpu;
    this.network = network;
    this.#memory = memory;
    this.patch = patch;
    this.batch = batch;
    this.classesAtOnce = classesAtOnce;
    this.count = Math.max(1, weights.length);
    this.#weights = weights;
    // Other models' weights come into the same memory: the program has to read them at each run.
    const packsEachRun = this.count > 1;
    const options = { packsEachRun, classesAtOnce };
    this.#inference = inferenceProgram(gpu, recordNetwork(network, batch, patch), memory, options);
  }

  /** The windows that the next `run` reads, f32 [N, D, H, W, inputChannels]. */
  get image(): Tensor {
    return this.#inference.image;
  }

  /** The logits that `run` wrote last, [N, D, H, W, C], of one group of classes. */
  get logits(): Tensor {
    return this.#inference.logits;
  }

  /** Puts a model's weights on the GPU. */
  use(model: number): void {
    if (model === this.#current) return;
    const { layout, parameters } = this.#memory;
    layout.upload(this.#gpu, parameters, this.#weights[model]!);
    this.#current = model;
  }

  /** Runs a batch; `take` queues what reads a group's logits, before the next group's are written. */
  run(take: (group: ClassGroup) => void = () => {}): void {
    this.#inference.runGroups(take);
  }

  close(): void {
    this.#inference.close();
  }
}
