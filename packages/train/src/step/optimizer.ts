/** The optimiser, which turns gradients into new parameters: Adam, or SGD with Nesterov momentum. */
import type { NamedArrays, ParameterLayout } from '@organseg/core/network/parameters.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { discard, type Launch, submit, type Work } from '@organseg/kernels/kernel.ts';
import * as adam from '@organseg/kernels/ops/adam.ts';
import { clipNorm } from '@organseg/kernels/ops/clipNorm.ts';
import { nonFinite } from '@organseg/kernels/ops/nonFinite.ts';
import * as sgd from '@organseg/kernels/ops/sgd.ts';
import { empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Config } from '../config/schema.ts';

export type OptimizerConfig = Pick<Config, 'optimizer' | 'momentum' | 'weightDecay' | 'gradientNorm'>;

/** PyTorch's defaults, which Gao 2022 keeps. */
const ADAM = { beta2: 0.999, epsilon: 1e-8 };

/** The moments that an optimiser keeps of each parameter, by PyTorch's names. */
export const MOMENTS = { adam: ['exp_avg', 'exp_avg_sq'], sgd: ['momentum_buffer'] } as const;

/** Moments under PyTorch's names, by parameter. */
export type Moments = Readonly<Record<string, NamedArrays>>;

/** One optimiser over all parameters at once, but for those that training leaves as they are. */
export class Optimizer {
  readonly #gpu: Gpu;
  readonly #config: OptimizerConfig;
  readonly #layout: ParameterLayout;
  readonly #moments: ReadonlyMap<string, Tensor>;
  readonly #launches: Launch[];
  /** u32 [1]: 1 where a gradient of the last step was not finite, else 0; undefined where nobody looks for it. */
  readonly overflow: Tensor | undefined;
  /** The launches that look for gradients that are not finite, and their scratch. */
  readonly #check: Work;
  readonly #clip: ReturnType<typeof clipNorm> | undefined;
  /** Number of steps taken. */
  step = 0;

  constructor(
    gpu: Gpu,
    config: OptimizerConfig,
    layout: ParameterLayout,
    parameters: Tensor,
    gradients: Tensor,
    { skipsOverflow = false } = {},
  ) {
    this.#gpu = gpu;
    this.#config = config;
    this.#layout = layout;
    this.#moments = new Map(MOMENTS[config.optimizer].map((name) => [name, layout.allocate(gpu)]));
    const overflow = skipsOverflow ? empty(gpu, [1], 'u32') : undefined;
    this.overflow = overflow;
    const [w, g, first, second] = [parameters, gradients, ...this.#moments.values()].map((flat) =>
      layout.trained(flat),
    ) as [Tensor, Tensor, Tensor, Tensor];
    this.#check = overflow ? nonFinite(gpu, { values: g, flag: overflow }) : { launches: [], scratch: [] };
    this.#clip = config.gradientNorm === null ? undefined : clipNorm(gpu, g);
    this.#launches =
      config.optimizer === 'adam'
        ? adam.adam(gpu, { parameters: w, gradients: g, m: first, v: second, overflow })
        : sgd.sgd(gpu, { parameters: w, gradients: g, velocity: first, overflow });
  }

  /** The launches of a step in order: overflows are looked for before the bound of the norm hides them. */
  get #all(): Launch[] {
    return [...this.#check.launches, ...(this.#clip?.launches ?? []), ...this.#launches];
  }

  /** Takes one step down the gradients, which are `lossScale` times too large. */
  update(learningRate: number, lossScale = 1): void {
    this.step++;
    const { optimizer, momentum, weightDecay } = this.#config;
    const common = { learningRate, weightDecay, gradientScale: 1 / lossScale };
    if (optimizer === 'adam') {
      adam.setStep(this.#gpu, this.#launches, { ...common, ...ADAM, beta1: momentum, step: this.step });
    } else {
      sgd.setStep(this.#gpu, this.#launches, { ...common, momentum });
    }
    if (this.#clip) this.#clip.setMost(this.#config.gradientNorm! * lossScale);
    submit(this.#gpu, this.#all);
  }

  /** Takes note that the last step overflowed, so that it changed nothing and does not count. */
  stepWasSkipped(): void {
    this.step--;
  }

  async moments(): Promise<Moments> {
    const moments: Record<string, NamedArrays> = {};
    for (const [name, tensor] of this.#moments)
      moments[name] = await this.#layout.download(this.#gpu, tensor);
    return moments;
  }

  /** Goes on behind `step` steps. */
  restore(step: number, moments: Moments): void {
    this.step = step;
    for (const [name, tensor] of this.#moments) this.#layout.upload(this.#gpu, tensor, moments[name]);
  }

  close(): void {
    discard(this.#gpu, this.#all);
    release(this.#gpu, ...this.#moments.values(), ...this.#check.scratch, ...(this.#clip?.scratch ?? []));
    if (this.overflow) release(this.#gpu, this.overflow);
  }
}
