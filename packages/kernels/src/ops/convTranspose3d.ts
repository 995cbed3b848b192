/**
 * Transposed 3D convolution whose kernel equals its stride, channels last: every input voxel becomes a block.
 *
 *   output[n, i·stride + t, co] = bias[co] + Σ_ci weight[ci, co, t] · input[n, i, ci]    0 ≤ t < stride per axis
 */

import { type Dhw, dhwOfList } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { joinWork, type Work } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { gather, type PackedWeights, packWeights } from './conv/gather.ts';
import { blockOffsets } from './conv/geometry.ts';
import { weightGradient } from './conv/weightGradient.ts';
import { channelSum } from './reduce.ts';

const ONES: Dhw = [1, 1, 1];
const ZEROS: Dhw = [0, 0, 0];

const strideOf = (weight: Tensor) => dhwOfList(weight.shape, 2);

export interface ConvTranspose3dPack {
  /** f32 [Cin, Cout, sD, sH, sW] */
  readonly weight: Tensor;
  /** The output's shape, [N, D·sD, H·sH, W·sW, Cout]. */
  readonly output: readonly number[];
  /** The type that activations are stored in. */
  readonly dtype: 'f32' | 'f16';
}

/** Weights as `forward` reads them, and the launches that pack them. */
export function pack(gpu: Gpu, { weight, output, dtype }: ConvTranspose3dPack) {
  const stride = strideOf(weight);
  return packWeights(gpu, {
    weights: {
      weight,
      inputAxis: 'b',
      firstTaps: blockOffsets(stride),
      tapStep: ONES,
      inputChannels: [weight.shape[0]!],
    },
    geometry: {
      inStride: ONES,
      outStride: stride,
      outOffsets: blockOffsets(stride),
      base: ZEROS,
      taps: ONES,
    },
    output,
    dtype,
  });
}

export interface ConvTranspose3dForward {
  /** [N, D, H, W, Cin] */
  readonly input: Tensor;
  readonly weights: PackedWeights;
  /** f32 [Cout] */
  readonly bias?: Tensor | undefined;
  /** [N, D·sD, H·sH, W·sW, Cout] */
  readonly output: Tensor;
  readonly stride: Dhw;
}

/** Throws where the output's size is not the input's times the stride. */
export function forward(gpu: Gpu, call: ConvTranspose3dForward): Work {
  const { input, weights, bias, output, stride } = call;
  if (stride.some((s, i) => input.shape[i + 1]! * s !== output.shape[i + 1])) {
    throw new Error(`convTranspose3d: [${input.shape}] times [${stride}] is not [${output.shape}]`);
  }
  return gather(gpu, { name: 'convTranspose3d', inputs: [input], bias, output }, weights);
}

export interface ConvTranspose3dInputGradient {
  /** f32 [Cin, Cout, sD, sH, sW] */
  readonly weight: Tensor;
  readonly dOutput: Tensor;
  /** [N, D, H, W, Cin]; it is assigned. */
  readonly dInput: Tensor;
}

/** dInput[n, i, ci] = Σ_t Σ_co weight[ci, co, t] · dOutput[n, i·stride + t, co] */
export function inputGradient(gpu: Gpu, { weight, dOutput, dInput }: ConvTranspose3dInputGradient): Work {
  const stride = strideOf(weight);
  const { packed, launches } = packWeights(gpu, {
    weights: {
      weight,
      inputAxis: 'a',
      firstTaps: [ZEROS],
      tapStep: ONES,
      inputChannels: [weight.shape[1]!],
    },
    geometry: { inStride: stride, outStride: ONES, outOffsets: [ZEROS], base: ZEROS, taps: stride },
    output: dInput.shape,
    dtype: dInput.dtype as 'f32' | 'f16',
  });
  const call = { name: 'convTranspose3d.dInput', inputs: [dOutput], output: dInput };
  return joinWork({ launches, scratch: [packed.tensor] }, gather(gpu, call, packed));
}

export interface ConvTranspose3dWeightGradient {
  readonly input: Tensor;
  readonly dOutput: Tensor;
  /** f32 [Cin, Cout, sD, sH, sW]; it is added to. */
  readonly dWeight: Tensor;
  /** f32 [Cout]; it is added to. */
  readonly dBias?: Tensor | undefined;
}

/** dWeight[ci, co, t] += Σ_n Σ_i input[n, i, ci] · dOutput[n, i·stride + t, co];  dBias[co] += Σ dOutput */
export function parameterGradient(
  gpu: Gpu,
  { input, dOutput, dWeight, dBias }: ConvTranspose3dWeightGradient,
): Work {
  const work = weightGradient(gpu, {
    name: 'convTranspose3d.dWeight',
    gathered: [dOutput],
    centre: input,
    dWeight,
    stride: strideOf(dWeight),
    base: ZEROS,
  });
  return dBias ? joinWork(work, channelSum(gpu, 'convTranspose3d.dBias', dOutput, dBias)) : work;
}
