/** What a tape records: ops on tensors that will exist. */
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Launch, Work } from '@organseg/kernels/kernel.ts';
import type { DType, Tensor } from '@organseg/kernels/tensor.ts';

/** A tensor that will exist: an activation, a gradient, or what an op keeps for its backward. */
export interface Slot {
  readonly shape: readonly number[];
  readonly dtype: DType | 'activation';
}

/** Where ops find tensors for slots and parameters when their launches are made. */
export interface Workspace {
  readonly gpu: Gpu;
  /** The type that activations are stored in; sums are f32 either way. */
  readonly activation: 'f32' | 'f16';
  tensor(slot: Slot): Tensor;
  parameter(name: string): Tensor;
  /** The tensor that a parameter's gradient is added to. */
  parameterGradient(name: string): Tensor;
  /** The gradient of a value, to be added to or assigned; undefined where nobody wants it. */
  gradient(value: Slot): { tensor: Tensor; accumulate: boolean } | undefined;
}

/** An op whose weights are packed: at each step of training, once for inference. */
export interface PreparedOp {
  /** What packs them. */
  readonly launches: readonly Launch[];
  /** The packed weights, to be released when `forward` is used no more. */
  readonly tensors: readonly Tensor[];
  forward(): Work;
}

/** One operation on a tape. */
export interface Op {
  /** The layer's name, with which its parameters' names begin. */
  readonly name: string;
  /** Arithmetic operations of forward, a multiply-add being two; 0 where moving bytes bounds the time. */
  readonly flops: number;
  readonly inputs: readonly Slot[];
  readonly output: Slot;
  /** Slots that forward and `recompute` use besides inputs and output. */
  cache(): readonly Slot[];
  /** Slots that backward reads besides the output's gradient. */
  backwardReads(): readonly Slot[];
  prepare(at: Workspace): PreparedOp;
  /** Convolutions alone: the op that computes the channels from `first` on, as many as the slot `output` has. */
  channelsFrom?(first: number, output: Slot): Op;
  /** Makes the output again from inputs and cache, at little cost. Other ops' outputs are kept for backward. */
  recompute?(at: Workspace): Work;
  /** Makes the inputs' and the parameters' gradients from the output's. */
  backward(at: Workspace): Work;
}
