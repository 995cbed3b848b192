/** The networks that segment a case: one, or several of one architecture whose logits are averaged. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import { type InferenceProgram, inferenceProgram } from '../network/inferenceProgram.ts';
import type { ParameterValues } from '../network/parameters.ts';
import type { NetworkMemory } from '../network/program.ts';
import { Tape } from '../network/tape.ts';
import { type UnetConfig, unet } from '../network/unet.ts';

/**
 * A program for batches of windows. Of several models one at a time has its weights on the GPU, so that they take
 * no more memory than one.
 */
export class Networks {
  readonly network: UnetConfig;
  readonly patch: Dhw;
  readonly batch: number;
  /** How many there are. */
  readonly count: number;
  readonly #gpu: Gpu;
  readonly #memory: NetworkMemory;
  readonly #weights: readonly ParameterValues[];
  readonly #inference: InferenceProgram;
  #current = 0;

  /** `memory` holds the weights of the first of several; of a single model none need be given. */
  constructor(
    gpu: Gpu,
    network: UnetConfig,
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
    const tape = new Tape();
    const image = tape.input([batch, ...patch, network.inputChannels]);
    const logits = unet(tape, image, network);
    // With the weights of others it must run as it is.
    const packsEachRun = this.count > 1;
    this.#inference = inferenceProgram(gpu, { tape, image, logits }, memory, { packsEachRun });
  }

  /** f32 [N, d, h, w, 1]: what the next `run` reads. */
  get image(): Tensor {
    return this.#inference.image;
  }

  /** [N, d, h, w, C]: what the last `run` wrote. */
  get logits(): Tensor {
    return this.#inference.logits;
  }

  /** Makes `run` that of another model. */
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
