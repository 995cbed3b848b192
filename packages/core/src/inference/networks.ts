/** The networks that segment a case: one, or several of one architecture whose logits are averaged. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import { type InferenceProgram, inferenceProgram } from '../network/inferenceProgram.ts';
import { recordNetwork } from '../network/network.ts';
import type { NetworkConfig } from '../network/networkConfig.ts';
import type { ParameterValues } from '../network/parameters.ts';
import type { NetworkMemory } from '../network/program.ts';

/** A program for batches of windows. One model's weights at a time are on the GPU, so that several take no more memory. */
export class Networks {
  readonly network: NetworkConfig;
  readonly patch: Dhw;
  /** The windows of a batch. */
  readonly batch: number;
  /** The number of models. */
  readonly count: number;
  readonly #gpu: Gpu;
  readonly #memory: NetworkMemory;
  readonly #weights: readonly ParameterValues[];
  readonly #inference: InferenceProgram;
  #current = 0;

  /** `memory` holds the first model's weights. `weights` are those of all models; a single one needs none. */
  constructor(
    gpu: Gpu,
    network: NetworkConfig,
    memory: NetworkMemory,
    { patch, batch = 1, weights = [] }: { patch: Dhw; batch?: number; weights?: readonly ParameterValues[] },
  ) {
    this.#gpu = gpu;
    this.network = network;
    this.#memory = memory;
    this.patch = patch;
    this.batch = batch;
    this.count = Math.max(1, weights.length);
    this.#weights = weights;
    // Other models' weights come into the same memory: the program has to read them at each run.
    const packsEachRun = this.count > 1;
    this.#inference = inferenceProgram(gpu, recordNetwork(network, batch, patch), memory, { packsEachRun });
  }

  /** The windows that the next `run` reads, f32 [N, D, H, W, inputChannels]. */
  get image(): Tensor {
    return this.#inference.image;
  }

  /** The logits that the last `run` wrote, [N, D, H, W, C]. */
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

  run(): void {
    this.#inference.run();
  }

  close(): void {
    this.#inference.close();
  }
}
