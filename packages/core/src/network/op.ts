/** What a tape records: ops on tensors that will exist. */
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Launch, Work } from '@organseg/kernels/kernel.ts';
import type { DType, Tensor } from '@organseg/kernels/tensor.ts';

/** A tensor that will exist: an activation, a gradient, or what an op caches for its backward. */
export interface Slot {
  readonly shape: readonly number[];
  readonly dtype: DType | 'activation';
}

/** What ops are given when their launches are made: tensors for slots and parameters. */
export interface Workspace {
  readonly gpu: Gpu;
  /** What activations are stored in; sums are f32 either way. */
  readonly activation: 'f32' | 'f16';
  tensor(slot: Slot): Tensor;
  parameter(name: string): Tensor;
  /** The accumulator of a parameter's gradient. */
  parameterGradient(name: string): Tensor;
  /** The gradient of a value, or undefined if nobody wants it. */
  gradient(value: Slot): { tensor: Tensor; accumulate: boolean } | undefined;
}

/** Weights made ready for forward: at each step of training, once for inference. */
export interface PreparedOp {
  readonly launches: readonly Launch[];
  readonly tensors: readonly Tensor[];
  forward(): Work;
}

export interface Op {
  /** The layer's, as its parameters begin. */
  readonly name: string;
  /** Operations of forward, a multiply-add being two; 0 where moving bytes bounds it. */
  readonly flops: number;
  readonly inputs: readonly Slot[];
  readonly output: Slot;
  /** What forward and `recompute` use besides inputs and output. */
  cache(): readonly Slot[];
  backwardReads(): readonly Slot[];
  prepare(at: Workspace): PreparedOp;
  /** Makes the output again from inputs and cache, at little cost; ops without it keep theirs for backward. */
  recompute?(at: Workspace): Work;
  /** From the output's gradient to the inputs' and the parameters'. */
  backward(at: Workspace): Work;
}
