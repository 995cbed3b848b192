/**
 * 3D convolution, channels last.
 *
 *   output[n, o, co] = bias[co] + Σ_t Σ_ci weight[co, ci, t] · input[n, o·stride − pad + t, ci]
 *   pad = ⌊(kernel − stride + 1)/2⌋ per axis, as MONAI's get_padding, unless `padding` says otherwise
 *
 * Several inputs stand for their concatenation along channels, which is never made.
 */

import { type Dhw, dhw, dhwOfList } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { joinWork, type Launch, prepare, u32, type Work } from '../kernel.ts';
import { empty, type Tensor } from '../tensor.ts';
import { gather, type PackedWeights, packWeights } from './conv/gather.ts';
import type { InputNorm } from './conv/inputNorm.ts';
import { weightGradient } from './conv/weightGradient.ts';
import { fillZero } from './fill.ts';
import { channelSum } from './reduce.ts';
import { mapElements, mapInvocations, range } from './wgsl.ts';

export interface Conv3dShape {
  /** The kernel's size along D, H, W. */
  readonly kernel: Dhw;
  readonly stride: Dhw;
  /** The number of zeros before the first voxel along D, H, W. */
  readonly padding?: Dhw | undefined;
}

const ONES: Dhw = [1, 1, 1];
const ZEROS: Dhw = [0, 0, 0];
const spatial = (tensor: Tensor) => dhwOfList(tensor.shape, 1);

export const paddingOf = ({ kernel, stride, padding }: Conv3dShape): Dhw =>
  padding ?? dhw((i) => Math.floor((kernel[i]! - stride[i]! + 1) / 2));

/** The output's size along D, H, W. */
export const outputSize = (size: Dhw, shape: Conv3dShape): Dhw =>
  dhw((i) => Math.floor((size[i]! + 2 * paddingOf(shape)[i]! - shape.kernel[i]!) / shape.stride[i]!) + 1);

export interface Conv3dPack {
  /** f32 [Cout, Cin, kD, kH, kW] */
  readonly weight: Tensor;
  /** The channels of each input. */
  readonly inputChannels: readonly number[];
  readonly shape: Conv3dShape;
  /** The first of the output's channels among Cout; 0 unless given. */
  readonly firstChannel?: number;
  /** The output's shape, [N, oD, oH, oW, channels]. */
  readonly output: readonly number[];
  /** The type that activations are stored in. */
  readonly dtype: 'f32' | 'f16';
}

/** Weights as `forward` reads them, and the launches that pack them. */
export function pack(
  gpu: Gpu,
  { weight, inputChannels, shape, firstChannel = 0, output, dtype }: Conv3dPack,
) {
  const outputChannels = { first: firstChannel, count: output[4]! };
  return packWeights(gpu, {
    weights: { weight, inputAxis: 'a', firstTaps: [ZEROS], tapStep: ONES, inputChannels, outputChannels },
    geometry: {
      inStride: shape.stride,
      outStride: ONES,
      outOffsets: [ZEROS],
      base: dhw((i) => -paddingOf(shape)[i]!),
      taps: shape.kernel,
    },
    output,
    dtype,
  });
}

/** The biases, f32 [count], of output channels from `first` on, and the launches that pack them. */
export function packBias(
  gpu: Gpu,
  bias: Tensor,
  { first, count }: { readonly first: number; readonly count: number },
): { packed: Tensor; launches: Launch[] } {
  const packed = empty(gpu, [count]);
  const launch = prepare(gpu, {
    name: 'conv3d.packBias',
    read: { bias },
    write: { packed },
    params: { count: u32(count), first: u32(first) },
    code: mapElements('packed[i] = bias[p.first + i];'),
    invocations: mapInvocations(count),
  });
  return { packed, launches: [launch] };
}

export interface Conv3dForward {
  /** Tensors [N, D, H, W, C]. */
  readonly inputs: readonly Tensor[];
  readonly weights: PackedWeights;
  /** f32 [Cout] */
  readonly bias?: Tensor | undefined;
  /** The norm that is applied to the input; there must be one input alone. */
  readonly norm?: InputNorm | undefined;
  /** [N, oD, oH, oW, Cout] */
  readonly output: Tensor;
  /** f32 [N, Cout, 2]: mean and 1/√(var + ε) of the output, for the norm that follows; it is assigned. */
  readonly stats?: Tensor | undefined;
  readonly shape: Conv3dShape;
}

/** Throws where the output's size is not the input's by the shape. */
export function forward(gpu: Gpu, { shape, weights, ...call }: Conv3dForward): Work {
  const { inputs, output } = call;
  const size = outputSize(spatial(inputs[0]!), shape);
  if (size.some((n, i) => n !== output.shape[i + 1])) {
    throw new Error(`conv3d: output expects [N,${size},C], got [${output.shape}]`);
  }
  return gather(gpu, { name: 'conv3d', ...call }, weights);
}

export interface Conv3dInputGradient {
  readonly dOutput: Tensor;
  /** f32 [Cout, Cin, kD, kH, kW] */
  readonly weight: Tensor;
  /** The gradient of one input, whose channels begin at `firstChannel` of the weight's Cin. */
  readonly dInput: Tensor;
  readonly firstChannel: number;
  readonly shape: Conv3dShape;
  /** Whether the gradient is added to dInput, which is assigned otherwise. */
  readonly accumulate: boolean;
}

/** dInput[n, i, ci] = Σ weight[co, ci, t] · dOutput[n, o, co] over all o, t with o·stride − pad + t = i */
export function inputGradient(gpu: Gpu, call: Conv3dInputGradient): Work {
  const { dOutput, weight, dInput, firstChannel, shape } = call;
  const work: Work = { launches: [], scratch: [] };
  const classes = residueClasses(shape);
  const reached = classes.filter(({ taps }) => taps.every((n) => n > 0));
  const cleared = reached.length < classes.length && !call.accumulate;
  if (cleared) work.launches.push(...fillZero(gpu, 'conv3d.dInput', dInput));
  for (const { residue, base, taps, lastTap } of reached) {
    if (residue.some((r, i) => r >= dInput.shape[i + 1]!)) continue;
    const { packed, launches } = packWeights(gpu, {
      weights: {
        weight,
        inputAxis: 'b',
        firstTaps: [lastTap],
        tapStep: dhw((i) => -shape.stride[i]!),
        inputChannels: [dOutput.shape[4]!],
        outputChannels: { first: firstChannel, count: dInput.shape[4]! },
      },
      geometry: { inStride: ONES, outStride: shape.stride, outOffsets: [residue], base, taps },
      output: dInput.shape,
      dtype: dInput.dtype as 'f32' | 'f16',
    });
    const part = {
      name: 'conv3d.dInput',
      inputs: [dOutput],
      output: dInput,
      accumulate: call.accumulate || cleared,
    };
    const gathered = gather(gpu, part, packed);
    work.scratch.push(packed.tensor, ...gathered.scratch);
    work.launches.push(...launches, ...gathered.launches);
  }
  return work;
}

/**
 * Input positions i = j·stride + residue share one gather: they receive from o = (i + pad − t)/stride for the
 * taps t ≡ residue + pad (mod stride). In order of rising o the taps fall from `lastTap` by the stride.
 */
export function residueClasses(shape: Conv3dShape) {
  const { kernel, stride } = shape;
  const pad = paddingOf(shape);
  const axis = (i: number) =>
    range(stride[i]!).map((residue) => {
      const firstTap = (residue + pad[i]!) % stride[i]!;
      const taps = Math.max(0, Math.ceil((kernel[i]! - firstTap) / stride[i]!));
      const lastTap = firstTap + Math.max(0, taps - 1) * stride[i]!;
      return { residue, taps, lastTap, base: (residue + pad[i]! - lastTap) / stride[i]! };
    });
  const join = <K extends 'residue' | 'taps' | 'lastTap' | 'base'>(key: K, parts: Record<K, number>[]): Dhw =>
    dhw((i) => parts[i]![key]);
  return axis(0).flatMap((d) =>
    axis(1).flatMap((h) =>
      axis(2).map((w) => {
        const parts = [d, h, w];
        return {
          residue: join('residue', parts),
          taps: join('taps', parts),
          lastTap: join('lastTap', parts),
          base: join('base', parts),
        };
      }),
    ),
  );
}

export interface Conv3dWeightGradient {
  /** Tensors [N, D, H, W, C]. */
  readonly inputs: readonly Tensor[];
  readonly dOutput: Tensor;
  /** f32 [Cout, Cin, kD, kH, kW]; it is added to. */
  readonly dWeight: Tensor;
  /** f32 [Cout]; it is added to. */
  readonly dBias?: Tensor | undefined;
  /** The norm that is applied to the input; there must be one input alone. */
  readonly norm?: InputNorm | undefined;
  readonly shape: Conv3dShape;
}

/** dWeight[co, ci, t] += Σ_n Σ_o input[n, o·stride − pad + t, ci] · dOutput[n, o, co];  dBias[co] += Σ dOutput */
export function parameterGradient(gpu: Gpu, call: Conv3dWeightGradient): Work {
  const { inputs, dOutput, dWeight, dBias, norm, shape } = call;
  const work = weightGradient(gpu, {
    name: 'conv3d.dWeight',
    gathered: inputs,
    centre: dOutput,
    dWeight,
    stride: shape.stride,
    base: dhw((i) => -paddingOf(shape)[i]!),
    norm,
  });
  return dBias ? joinWork(work, channelSum(gpu, 'conv3d.dBias', dOutput, dBias)) : work;
}
