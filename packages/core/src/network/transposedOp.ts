/** The record of a transposed convolution whose kernel is its stride. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { joinWork } from '@organseg/kernels/kernel.ts';
import * as convTranspose3d from '@organseg/kernels/ops/convTranspose3d.ts';
import { elementCount, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Op, Slot, Workspace } from './op.ts';

/** The tensor of a gradient that has one consumer only, and so is assigned. */
function assigned(gradient: ReturnType<Workspace['gradient']>): Tensor {
  if (!gradient || gradient.accumulate) throw new Error('tape: this op cannot add to a gradient');
  return gradient.tensor;
}

interface Transposed {
  readonly name: string;
  readonly input: Slot;
  readonly output: Slot;
  /** The parameters' names. */
  readonly weight: string;
  readonly bias: string | undefined;
  readonly stride: Dhw;
}

/** The op of `Tape.convTranspose3d`. */
export function transposedOp({ name, input, output, weight, bias, stride }: Transposed): Op {
  return {
    name,
    flops: 2 * elementCount(output.shape) * input.shape[4]!,
    inputs: [input],
    output,
    cache: () => [],
    backwardReads: () => [input],
    prepare: (at) => {
      const { packed, launches } = convTranspose3d.pack(at.gpu, {
        weight: at.parameter(weight),
        output: output.shape,
        dtype: at.activation,
      });
      return {
        launches,
        tensors: [packed.tensor],
        forward: () =>
          convTranspose3d.forward(at.gpu, {
            input: at.tensor(input),
            weights: packed,
            bias: bias === undefined ? undefined : at.parameter(bias),
            output: at.tensor(output),
            stride,
          }),
      };
    },
    backward: (at) => {
      const dOutput = at.gradient(output)!.tensor;
      const dInput = assigned(at.gradient(input));
      const gradients = {
        dWeight: at.parameterGradient(weight),
        dBias: bias === undefined ? undefined : at.parameterGradient(bias),
      };
      return joinWork(
        convTranspose3d.inputGradient(at.gpu, { weight: at.parameter(weight), dOutput, dInput }),
        convTranspose3d.parameterGradient(at.gpu, { input: at.tensor(input), dOutput, ...gradients }),
      );
    },
  };
}
