/** The record of a convolution; several inputs stand for their concatenation. */
import { joinWork } from '@organseg/kernels/kernel.ts';
import * as conv3d from '@organseg/kernels/ops/conv3d.ts';
import { elementCount } from '@organseg/kernels/tensor.ts';
import type { ReadNorm } from './normOp.ts';
import type { Op, PreparedOp, Slot, Workspace } from './op.ts';

interface Convolution {
  readonly name: string;
  readonly inputs: readonly Slot[];
  readonly output: Slot;
  /** The parameters' names. */
  readonly weight: string;
  readonly bias: string | undefined;
  readonly shape: conv3d.Conv3dShape;
  /** The norm whose output is the only input: where that is not made, the convolution applies it to what it reads. */
  readonly norm: ReadNorm | undefined;
  /** The output's statistics, where a norm that is recorded later asks for them. */
  readonly asked: readonly Slot[];
}

/** The op of `Tape.conv3d`. */
export function convolutionOp(layer: Convolution): Op {
  const { name, inputs, output, weight, bias, shape, norm, asked } = layer;
  const channels = inputs.map((slot) => slot.shape[4]!);
  const total = channels.reduce((a, b) => a + b, 0);
  // Whether others read the norm's output is known when all layers are recorded.
  const read = () => (norm && !norm.isMade ? [norm.input, norm.affine] : inputs);
  const inputsOf = (at: Workspace) =>
    norm && !norm.isMade
      ? {
          inputs: [at.tensor(norm.input)],
          norm: { affine: at.tensor(norm.affine), slope: norm.slope },
        }
      : { inputs: inputs.map((slot) => at.tensor(slot)) };
  const prepare = (at: Workspace, made: Slot, firstChannel: number): PreparedOp => {
    const { packed, launches } = conv3d.pack(at.gpu, {
      weight: at.parameter(weight),
      inputChannels: channels,
      shape,
      firstChannel,
      output: made.shape,
      dtype: at.activation,
    });
    const all = bias === undefined ? undefined : at.parameter(bias);
    const range = { first: firstChannel, count: made.shape[4]! };
    const part = all && made !== output ? conv3d.packBias(at.gpu, all, range) : undefined;
    return {
      launches: [...launches, ...(part?.launches ?? [])],
      tensors: [packed.tensor, ...(part ? [part.packed] : [])],
      forward: () =>
        conv3d.forward(at.gpu, {
          ...inputsOf(at),
          weights: packed,
          bias: part?.packed ?? all,
          output: at.tensor(made),
          stats: asked[0] && at.tensor(asked[0]),
          shape,
        }),
    };
  };
  const op: Op = {
    name,
    flops: 2 * elementCount(output.shape) * total * elementCount(shape.kernel),
    inputs,
    output,
    cache: () => [...read(), ...asked],
    backwardReads: read,
    prepare: (at) => prepare(at, output, 0),
    channelsFrom: (first, some) => ({ ...op, output: some, prepare: (at) => prepare(at, some, first) }),
    backward: (at) => {
      const dOutput = at.gradient(output)!.tensor;
      const parts = inputs.map((slot, i) => {
        const dInput = at.gradient(slot);
        if (!dInput) return { launches: [], scratch: [] };
        return conv3d.inputGradient(at.gpu, {
          dOutput,
          weight: at.parameter(weight),
          dInput: dInput.tensor,
          firstChannel: channels.slice(0, i).reduce((a, b) => a + b, 0),
          shape,
          accumulate: dInput.accumulate,
        });
      });
      parts.push(
        conv3d.parameterGradient(at.gpu, {
          ...inputsOf(at),
          dOutput,
          dWeight: at.parameterGradient(weight),
          dBias: bias === undefined ? undefined : at.parameterGradient(bias),
          shape,
        }),
      );
      return joinWork(...parts);
    },
  };
  return op;
}
