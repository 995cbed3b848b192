/** The record of a transposed convolution whose kernel may exceed its stride; several inputs stand for their concatenation. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { joinWork } from '@organseg/kernels/kernel.ts';
import * as convTransposeOverlap3d from '@organseg/kernels/ops/convTransposeOverlap3d.ts';
import { elementCount } from '@organseg/kernels/tensor.ts';
import type { Op, Slot } from './op.ts';

interface TransposedOverlap {
  readonly name: string;
  readonly inputs: readonly Slot[];
  readonly output: Slot;
  /** The parameters' names. */
  readonly weight: string;
  readonly bias: string | undefined;
  readonly kernel: Dhw;
  readonly stride: Dhw;
}

/** The op of `Tape.convTransposeOverlap3d`. */
export function transposedOverlapOp(layer: TransposedOverlap): Op {
  const { name, inputs, output, weight, bias, kernel, stride } = layer;
  const channels = inputs.map(({ shape }) => shape[4]!);
  const voxels = elementCount(inputs[0]!.shape.slice(0, 4));
  return {
    name,
    flops: 2 * voxels * channels.reduce((a, b) => a + b, 0) * output.shape[4]! * elementCount(kernel),
    inputs,
    output,
    cache: () => [],
    backwardReads: () => inputs,
    prepare: (at) => {
      const { packed, launches } = convTransposeOverlap3d.pack(at.gpu, {
        weight: at.parameter(weight),
        inputChannels: channels,
        stride,
        output: output.shape,
        dtype: at.activation,
      });
      return {
        launches,
        tensors: packed.map(({ tensor }) => tensor),
        forward: () =>
          convTransposeOverlap3d.forward(at.gpu, {
            inputs: inputs.map((slot) => at.tensor(slot)),
            weights: packed,
            bias: bias === undefined ? undefined : at.parameter(bias),
            output: at.tensor(output),
          }),
      };
    },
    backward: (at) => {
      const dOutput = at.gradient(output)!.tensor;
      const parts = inputs.map((slot, i) => {
        const { tensor: dInput, accumulate } = at.gradient(slot)!;
        return convTransposeOverlap3d.inputGradient(at.gpu, {
          dOutput,
          weight: at.parameter(weight),
          dInput,
          firstChannel: channels.slice(0, i).reduce((a, b) => a + b, 0),
          stride,
          accumulate,
        });
      });
      return joinWork(
        ...parts,
        convTransposeOverlap3d.parameterGradient(at.gpu, {
          inputs: inputs.map((slot) => at.tensor(slot)),
          dOutput,
          dWeight: at.parameterGradient(weight),
          dBias: bias === undefined ? undefined : at.parameterGradient(bias),
          stride,
        }),
      );
    },
  };
}
