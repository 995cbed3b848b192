/** The records of ops that have no parameters. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Launch, Work } from '@organseg/kernels/kernel.ts';
import * as add from '@organseg/kernels/ops/add.ts';
import * as avgPool3d from '@organseg/kernels/ops/avgPool3d.ts';
import * as upsample2 from '@organseg/kernels/ops/upsample2.ts';
import type { Op, Slot, Workspace } from './op.ts';

interface Plain {
  readonly name: string;
  readonly inputs: readonly Slot[];
  readonly output: Slot;
  /** Whether the output is made again for backward rather than kept. */
  readonly isRecomputed?: boolean;
  forward(at: Workspace): Launch[];
  /** Makes the gradient of one of the inputs from the output's. */
  backward(at: Workspace, gradient: ReturnType<Workspace['gradient']> & object, input: Slot): Launch[];
}

function plainOp({ name, inputs, output, isRecomputed, forward, backward }: Plain): Op {
  const work = (launches: Launch[]): Work => ({ launches, scratch: [] });
  return {
    name,
    flops: 0,
    inputs,
    output,
    cache: () => [],
    backwardReads: () => [],
    prepare: (at) => ({ launches: [], tensors: [], forward: () => work(forward(at)) }),
    ...(isRecomputed && { recompute: (at) => work(forward(at)) }),
    backward: (at) =>
      work(
        inputs.flatMap((input) => {
          const gradient = at.gradient(input);
          return gradient ? backward(at, gradient, input) : [];
        }),
      ),
  };
}

/** The averages of blocks of voxels. */
export const averagedBlocks = (name: string, input: Slot, output: Slot, stride: Dhw): Op =>
  plainOp({
    name,
    inputs: [input],
    output,
    isRecomputed: true,
    forward: (at) =>
      avgPool3d.forward(at.gpu, { input: at.tensor(input), output: at.tensor(output), stride }),
    backward: (at, { tensor: dInput, accumulate }) => {
      const dOutput = at.gradient(output)!.tensor;
      return avgPool3d.backward(at.gpu, { dOutput, dInput, stride, accumulate });
    },
  });

/** Twice the size, trilinear. */
export const upsampled = (name: string, input: Slot, output: Slot): Op =>
  plainOp({
    name,
    inputs: [input],
    output,
    forward: (at) => upsample2.forward(at.gpu, { input: at.tensor(input), output: at.tensor(output) }),
    backward: (at, { tensor: dInput, accumulate }) => {
      const dOutput = at.gradient(output)!.tensor;
      return upsample2.backward(at.gpu, { dOutput, dInput, accumulate });
    },
  });

/** The sum of two values. */
export const sum = (name: string, a: Slot, b: Slot, output: Slot): Op =>
  plainOp({
    name,
    inputs: [a, b],
    output,
    forward: (at) => add.forward(at.gpu, { a: at.tensor(a), b: at.tensor(b), output: at.tensor(output) }),
    backward: (at, { tensor: dInput, accumulate }) => {
      const dOutput = at.gradient(output)!.tensor;
      return add.backward(at.gpu, { dOutput, dInput, accumulate });
    },
  });
