import type { NamedArrays, ParameterLayout } from '@organseg/core/network/parameters.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { discard, type Launch, submit, type Work } from '@organseg/kernels/kernel.ts';
import { adam, setStep } from '@organseg/kernels/ops/adam.ts';
import { nonFinite } from '@organseg/kernels/ops/nonFinite.ts';
import { empty, release, type Tensor } from '@organseg/kernels/tensor.ts';

/** Adam as both papers' first method uses it (PyTorch's defaults). */
const BETAS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** The optimiser's memory: PyTorch's exp_avg and exp_avg_sq, by parameter name. */
export interface AdamMoments {
  readonly expAvg: NamedArrays;
  readonly expAvgSq: NamedArrays;
}

/** Adam over all parameters at once. */
export class AdamOptimizer {
  readonly #gpu: Gpu;
  readonly #layout: ParameterLayout;
  readonly #m: Tensor;
  readonly #v: Tensor;
  readonly #launches: Launch[];
  /** u32 [1]: whether a gradient of the last step was not finite; where the optimiser looks for it. */
  readonly overflow: Tensor | undefined;
  /** Launches that look for it, and their scratch. */
  readonly #check: Work;
  /** Steps taken. */
  step = 0;

  constructor(
    gpu: Gpu,
    layout: ParameterLayout,
    parameters: Tensor,
    gradients: Tensor,
    { skipsOverflow = false } = {},
  ) {
    this.#gpu = gpu;
    this.#layout = layout;
    this.#m = layout.allocate(gpu);
    this.#v = layout.allocate(gpu);
    const overflow = skipsOverflow ? empty(gpu, [1], 'u32') : undefined;
    this.overflow = overflow;
    this.#check = overflow
      ? nonFinite(gpu, { values: gradients, flag: overflow })
      : { launches: [], scratch: [] };
    this.#launches = adam(gpu, { parameters, gradients, m: this.#m, v: this.#v, overflow });
  }

  /** One step down the gradients, which are `lossScale` times too large. */
  update(learningRate: number, lossScale = 1): void {
    this.step++;
    setStep(this.#gpu, this.#launches, {
      step: this.step,
      learningRate,
      ...BETAS,
      gradientScale: 1 / lossScale,
    });
    submit(this.#gpu, [...this.#check.launches, ...this.#launches]);
  }

  /** What the overflow flag said of the last step, which then has changed nothing. */
  stepWasSkipped(): void {
    this.step--;
  }

  async moments(): Promise<AdamMoments> {
    return {
      expAvg: await this.#layout.download(this.#gpu, this.#m),
      expAvgSq: await this.#layout.download(this.#gpu, this.#v),
    };
  }

  restore(step: number, { expAvg, expAvgSq }: AdamMoments): void {
    this.step = step;
    this.#layout.upload(this.#gpu, this.#m, expAvg);
    this.#layout.upload(this.#gpu, this.#v, expAvgSq);
  }

  close(): void {
    discard(this.#gpu, [...this.#check.launches, ...this.#launches]);
    release(this.#gpu, this.#m, this.#v, ...this.#check.scratch);
    if (this.overflow) release(this.#gpu, this.overflow);
  }
}
