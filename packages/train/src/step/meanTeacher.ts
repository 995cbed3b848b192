/**
 * The teacher of consistency training (Tarvainen & Valpola 2017): the moving average of the student's weights, which
 * labels the unlabelled items of each batch anew.
 */

import { type InferenceProgram, inferenceProgram } from '@organseg/core/network/inferenceProgram.ts';
import { recordNetwork } from '@organseg/core/network/network.ts';
import type { ParameterLayout } from '@organseg/core/network/parameters.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { discard, type Launch, submit } from '@organseg/kernels/kernel.ts';
import { ema, setDecay } from '@organseg/kernels/ops/ema.ts';
import { release, type Tensor } from '@organseg/kernels/tensor.ts';
import { networkConfig } from '../config/networkSettings.ts';
import type { Config } from '../config/schema.ts';

export class MeanTeacher {
  /** f32: the average of the student's parameters, flat. */
  readonly parameters: Tensor;
  readonly #gpu: Gpu;
  readonly #decay: number;
  readonly #network: InferenceProgram;
  readonly #launches: Launch[];

  /** Follows the student's parameters, but not where the overflow flag says that they were left as they were. */
  constructor(
    gpu: Gpu,
    config: Config & { readonly consistency: NonNullable<Config['consistency']> },
    layout: ParameterLayout,
    { parameters, activation }: Pick<NetworkMemory, 'parameters' | 'activation'>,
    overflow: Tensor | undefined,
  ) {
    const { patches, emaDecay } = config.consistency;
    const recorded = recordNetwork(networkConfig(config), patches, config.patch);
    this.#gpu = gpu;
    this.#decay = emaDecay;
    this.parameters = layout.allocate(gpu);
    const memory = { layout, parameters: this.parameters, activation };
    this.#network = inferenceProgram(gpu, recorded, memory, { packsEachRun: true });
    this.#launches = ema(gpu, { average: this.parameters, parameters, overflow });
  }

  /** f32 [U, D, H, W, 1]: the patches that the next `predict` labels. */
  get image(): Tensor {
    return this.#network.image;
  }

  /** f32 [U, D, H, W, classes]: the logits of the last `predict`. */
  get logits(): Tensor {
    return this.#network.logits;
  }

  predict(): void {
    this.#network.run();
  }

  /** Moves the average towards the student after a step, of which there were `steps` before; the first count more. */
  follow(steps: number): void {
    setDecay(this.#gpu, this.#launches, Math.min(1 - 1 / (steps + 1), this.#decay));
    submit(this.#gpu, this.#launches);
  }

  close(): void {
    this.#network.close();
    discard(this.#gpu, this.#launches);
    release(this.#gpu, this.parameters);
  }
}
