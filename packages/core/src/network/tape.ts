/**
 * The tape: forward code, run once on shapes alone, records what is to be computed. `planner.ts` then plans the
 * memory and makes the launches that run at every step.
 *
 * Each record is an op with its forward and its backward; values are [N, D, H, W, C].
 */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import * as conv3d from '@organseg/kernels/ops/conv3d.ts';
import { convolutionOp } from './convolutionOp.ts';
import type {
  ConvOptions,
  InstanceNormOptions,
  NormOptions,
  TransposedOptions,
  TransposedOverlapOptions,
} from './layerOptions.ts';
import { type LinearNorm, normOp, type ReadNorm } from './normOp.ts';
import type { Op, Slot } from './op.ts';
import { LEAKY_SLOPE, type ParameterSpec } from './parameters.ts';
import { averagedBlocks, sum, upsampled } from './plainOps.ts';
import { preluOp } from './preluOp.ts';
import { transposedOp } from './transposedOp.ts';
import { transposedOverlapOp } from './transposedOverlapOp.ts';

/** A value's shape with other sizes along D, H, W. */
const scaled = ({ shape }: Slot, size: (n: number, axis: number) => number): number[] =>
  shape.map((n, i) => (i >= 1 && i <= 3 ? size(n, i - 1) : n));

/** The record of a network's forward code. */
export class Tape {
  /** The statistics that a norm asks of a convolution, by the convolution's output. */
  readonly #convolutionCaches = new Map<Slot, Slot[]>();
  readonly #linearNorms = new Map<Slot, LinearNorm>();
  readonly #readNorms = new Map<Slot, ReadNorm>();
  /** In the order of forward. */
  readonly ops: Op[] = [];
  readonly parameters: ParameterSpec[] = [];

  input(shape: readonly number[]): Slot {
    return { shape, dtype: 'f32' };
  }

  #activation(shape: readonly number[]): Slot {
    return { shape, dtype: 'activation' };
  }

  #parameter(
    name: string,
    shape: readonly number[],
    kind: ParameterSpec['kind'],
    isFrozen: boolean = false,
  ): string {
    this.parameters.push({ name, shape, kind, ...(isFrozen && { isFrozen }) });
    return name;
  }

  #record(op: Op): Slot {
    this.ops.push(op);
    return op.output;
  }

  /** Has norms' outputs made, for ops that read them as they are. */
  #wantMade(...slots: readonly Slot[]): void {
    for (const slot of slots) {
      const norm = this.#readNorms.get(slot);
      if (norm) norm.isMade = true;
    }
  }

  /** A convolution with `name`.weight (and `name`.bias); several inputs stand for their concatenation. */
  conv3d(
    input: Slot | readonly Slot[],
    name: string,
    { filters, kernel, stride = [1, 1, 1], padding, bias = false }: ConvOptions,
  ): Slot {
    const inputs = Array.isArray(input) ? (input as Slot[]) : [input as Slot];
    if (inputs.some((slot) => this.#linearNorms.has(slot))) {
      throw new Error(`tape: ${name} reads a linear norm, which may only be a residual`);
    }
    const channels = inputs.map((slot) => slot.shape[4]!);
    const total = channels.reduce((a, b) => a + b, 0);
    const weight = this.#parameter(`${name}.weight`, [filters, total, ...kernel], 'convolution');
    const biasName = bias ? this.#parameter(`${name}.bias`, [filters], 'bias') : undefined;
    const shape = { kernel, stride, padding };
    const { shape: inputShape } = inputs[0]!;
    const size = dhw((axis) => inputShape[1 + axis]!);
    const output = this.#activation([inputShape[0]!, ...conv3d.outputSize(size, shape), filters]);
    const asked: Slot[] = [];
    this.#convolutionCaches.set(output, asked);
    const norm = inputs.length === 1 ? this.#readNorms.get(inputs[0]!) : undefined;
    if (!norm) this.#wantMade(...inputs);
    const layer = { name, inputs, output, weight, bias: biasName, shape, norm, asked };
    return this.#record(convolutionOp(layer));
  }

  /** A transposed convolution with `name`.weight (and `name`.bias), whose kernel is the stride. */
  convTranspose3d(input: Slot, name: string, { filters, stride, bias = false }: TransposedOptions): Slot {
    const [batch, d, h, w, channels] = input.shape as [number, number, number, number, number];
    const weight = this.#parameter(`${name}.weight`, [channels, filters, ...stride], 'convolution');
    const biasName = bias ? this.#parameter(`${name}.bias`, [filters], 'bias') : undefined;
    const output = this.#activation([batch, d * stride[0], h * stride[1], w * stride[2], filters]);
    this.#wantMade(input);
    return this.#record(transposedOp({ name, input, output, weight, bias: biasName, stride }));
  }

  /** A transposed convolution with `name`.weight (and `name`.bias), whose kernel may exceed its stride. */
  convTransposeOverlap3d(
    input: Slot | readonly Slot[],
    name: string,
    { filters, kernel, stride, bias = false }: TransposedOverlapOptions,
  ): Slot {
    const inputs = Array.isArray(input) ? (input as Slot[]) : [input as Slot];
    const total = inputs.reduce((sum, { shape }) => sum + shape[4]!, 0);
    const weight = this.#parameter(`${name}.weight`, [total, filters, ...kernel], 'convolution');
    const biasName = bias ? this.#parameter(`${name}.bias`, [filters], 'bias') : undefined;
    this.#wantMade(...inputs);
    const output = this.#activation(scaled(inputs[0]!, (n, axis) => n * stride[axis]!).with(4, filters));
    return this.#record(
      transposedOverlapOp({ name, inputs, output, weight, bias: biasName, kernel, stride }),
    );
  }

  /** The averages of blocks of voxels. */
  avgPool3d(input: Slot, name: string, stride: Dhw): Slot {
    this.#wantMade(input);
    const output = this.#activation(scaled(input, (n, axis) => n / stride[axis]!));
    return this.#record(averagedBlocks(name, input, output, stride));
  }

  /** Twice the size, trilinear. */
  upsample2(input: Slot, name: string): Slot {
    this.#wantMade(input);
    return this.#record(upsampled(name, input, this.#activation(scaled(input, (n) => 2 * n))));
  }

  /** a + b, of one shape. */
  add(a: Slot, b: Slot, name: string): Slot {
    this.#wantMade(a, b);
    return this.#record(sum(name, a, b, this.#activation(a.shape)));
  }

  /** PReLU(input), with `slopes` slopes `name`.weight: one for all channels, or one for each. */
  prelu(input: Slot, name: string, slopes: number): Slot {
    const slope = this.#parameter(`${name}.weight`, [slopes], 'slope');
    const norm = this.#readNorms.get(input);
    return this.#record(preluOp({ name, input, output: this.#activation(input.shape), slope, norm }));
  }

  /**
   * LeakyReLU(norm(input) + residual), with `name`.weight and `name`.bias. `linear` leaves the activation out: the output
   * may then only be another norm's residual. `startsAtZero`: training begins with a weight of 0.
   */
  instanceNorm(
    input: Slot,
    name: string,
    { linear = false, slope = linear ? 1 : LEAKY_SLOPE, ...options }: InstanceNormOptions = {},
  ): Slot {
    return this.#norm(input, name, { ...options, linear, slope });
  }

  /** LeakyReLU(norm(input)) by `name`.running_mean and .running_var, with `name`.weight and `name`.bias. */
  batchNorm(input: Slot, name: string, slope: number): Slot {
    return this.#norm(input, name, { slope, isTold: true });
  }

  /** ReLU(norm(input)), with `name`.weight and `name`.bias, where the channels of each of the groups share statistics. */
  groupNorm(input: Slot, name: string, groups: number): Slot {
    return this.#norm(input, name, { slope: 0, groups });
  }

  #norm(input: Slot, name: string, options: NormOptions): Slot {
    const { residual, linear: isResidual = false, slope, groups, startsAtZero, isFixed, isTold } = options;
    const [batch, , , , channels] = input.shape as [number, number, number, number, number];
    const weight = this.#parameter(
      `${name}.weight`,
      [channels],
      startsAtZero ? 'zeroNormWeight' : 'normWeight',
      isFixed,
    );
    const bias = this.#parameter(`${name}.bias`, [channels], 'bias', isFixed);
    const running = isTold
      ? {
          mean: this.#parameter(`${name}.running_mean`, [channels], 'bias', true),
          variance: this.#parameter(`${name}.running_var`, [channels], 'normWeight', true),
        }
      : undefined;
    const output = this.#activation(input.shape);
    const stats: Slot = { shape: [batch, channels, 2], dtype: 'f32' };
    // A convolution makes its output's statistics by the way; other inputs' are made here.
    const convolution = running ? undefined : this.#convolutionCaches.get(input);
    if (convolution?.length) throw new Error(`tape: ${name} expects a convolution of its own`);
    convolution?.push(stats);
    if (isResidual) this.#linearNorms.set(output, { input, stats, weight, bias });
    if (residual) this.#wantMade(residual);
    const isMade = isResidual || residual !== undefined;
    const read: ReadNorm = { input, affine: { ...stats }, slope, isMade };
    if (!read.isMade) this.#readNorms.set(output, read);
    const residualNorm = residual && this.#linearNorms.get(residual);
    const hasStatistics = convolution !== undefined;
    const norms = { residual, residualNorm, isResidual, read };
    return this.#record(
      normOp({ name, output, stats, hasStatistics, running, weight, bias, groups, ...norms }),
    );
  }
}

/** The layers that forward code is written in. */
export type Layers = Pick<
  Tape,
  | 'conv3d'
  | 'convTranspose3d'
  | 'convTransposeOverlap3d'
  | 'avgPool3d'
  | 'upsample2'
  | 'add'
  | 'prelu'
  | 'instanceNorm'
  | 'groupNorm'
  | 'batchNorm'
>;
