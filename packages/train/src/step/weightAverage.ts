/** The exponential moving average of the weights, which a training validates, saves and labels with. */
import type { ParameterLayout } from '@organseg/core/network/parameters.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { discard, type Launch, submit } from '@organseg/kernels/kernel.ts';
import { ema, setDecay } from '@organseg/kernels/ops/ema.ts';
import { release, type Tensor } from '@organseg/kernels/tensor.ts';

export class WeightAverage {
  /** f32: the average of the parameters, flat. */
  readonly parameters: Tensor;
  readonly #gpu: Gpu;
  readonly #decay: number;
  readonly #launches: Launch[];
  /** What takes over those parameters that training leaves as they are. */
  readonly #copies: Launch[];

  /** Follows the parameters, but not where the overflow flag says that a step left them as they were. */
  constructor(
    gpu: Gpu,
    decay: number,
    layout: ParameterLayout,
    parameters: Tensor,
    overflow: Tensor | undefined,
  ) {
    this.#gpu = gpu;
    this.#decay = decay;
    this.parameters = layout.allocate(gpu);
    const of = (part: (flat: Tensor) => Tensor) =>
      ema(gpu, { average: part(this.parameters), parameters: part(parameters), overflow });
    this.#launches = of((flat) => layout.trained(flat));
    this.#copies = of((flat) => layout.frozen(flat));
    setDecay(gpu, this.#copies, 0);
  }

  /** Moves the average towards the parameters after a step, of which there were `steps` before; the first count more. */
  follow(steps: number): void {
    setDecay(this.#gpu, this.#launches, Math.min(1 - 1 / (steps + 1), this.#decay));
    submit(this.#gpu, [...this.#launches, ...this.#copies]);
  }

  close(): void {
    discard(this.#gpu, [...this.#launches, ...this.#copies]);
    release(this.#gpu, this.parameters);
  }
}
