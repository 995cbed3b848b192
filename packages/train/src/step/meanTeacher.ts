/**
 * The network with the averaged weights, which labels unlabelled patches in each step: the teacher of consistency
 * training (Tarvainen & Valpola 2017), and of copy-paste where it labels patch by patch.
 */

import { type InferenceProgram, inferenceProgram } from '@organseg/core/network/inferenceProgram.ts';
import { recordNetwork } from '@organseg/core/network/network.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import { networkConfig } from '../config/networkSettings.ts';
import type { Config } from '../config/schema.ts';

export class MeanTeacher {
  readonly #network: InferenceProgram;

  /** Labels so many patches at a time with the weights in `average`, as they are in each step. */
  constructor(gpu: Gpu, config: Config, patches: number, average: NetworkMemory) {
    const recorded = recordNetwork(networkConfig(config), patches, config.patch);
    this.#network = inferenceProgram(gpu, recorded, average, { packsEachRun: true });
  }

  /** f32 [U, D, H, W, C]: the patches that the next `predict` labels. */
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

  close(): void {
    this.#network.close();
  }
}
