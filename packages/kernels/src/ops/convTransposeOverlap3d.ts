/**
 * Transposed 3D convolution whose kernel may exceed its stride, channels last: every input voxel becomes a block, and
 * blocks that overlap are added.
 *
 *   output[n, o, co] = bias[co] + Σ weight[ci, co, t] · input[n, i, ci]    over all ci, i, t with i·stride − pad + t = o
 *   pad = (kernel − 1)/2 per axis, the kernel odd and at least the stride; the output's size is the input's times it
 *
 * It is what a strided convolution's input gradient is (`conv3d.ts`), and its own gradients are that one's other passes.
 * Several inputs stand for their concatenation along channels, which is never made.
 */
import { type Dhw, dhw, dhwOfList } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { joinWork, type Launch, type Work } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { gather, type PackedWeights, packWeights } from './conv/gather.ts';
import { weightGradient } from './conv/weightGradient.ts';
import { residueClasses } from './conv3d.ts';
import { channelSum } from './reduce.ts';

const ONES: Dhw = [1, 1, 1];
const ZEROS: Dhw = [0, 0, 0];

/** The convolution whose adjoint it is. */
const shapeOf = (weight: Tensor, stride: Dhw) => {
  const kernel = dhwOfList(weight.shape, 2);
  return { kernel, stride, padding: dhw((i) => (kernel[i]! - 1) / 2) };
};

export interface ConvTransposeOverlap3dPack {
  /** f32 [Cin, Cout, kD, kH, kW] */
  readonly weight: Tensor;
  /** The channels of each input. */
  readonly inputChannels: readonly number[];
  readonly stride: Dhw;
  /** The output's shape, [N, D·sD, H·sH, W·sW, Cout]. */
  readonly output: readonly number[];
  /** The type that activations are stored in. */
  readonly dtype: 'f32' | 'f16';
}

/** Weights as `forward` reads them, one for each place that an output can have in its block, and what packs them. */
export function pack(
  gpu: Gpu,
  call: ConvTransposeOverlap3dPack,
): { packed: PackedWeights[]; launches: Launch[] } {
  const { weight, inputChannels, stride, output, dtype } = call;
  const parts = residueClasses(shapeOf(weight, stride)).map(({ residue, base, taps, lastTap }) =>
    packWeights(gpu, {
      weights: {
        weight,
        inputAxis: 'b',
        firstTaps: [lastTap],
        tapStep: dhw((i) => -stride[i]!),
        inputChannels,
      },
      geometry: { inStride: ONES, outStride: stride, outOffsets: [residue], base, taps },
      output,
      dtype,
    }),
  );
  return {
    packed: parts.map(({ packed }) => packed),
    launches: parts.flatMap(({ launches }) => launches),
  };
}

export interface ConvTransposeOverlap3dForward {
  /** Tensors [N, D, H, W, C]. */
  readonly inputs: readonly Tensor[];
  readonly weights: readonly PackedWeights[];
  /** f32 [Cout] */
  readonly bias?: Tensor | undefined;
  /** [N, D·sD, H·sH, W·sW, Cout] */
  readonly output: Tensor;
}

export const forward = (gpu: Gpu, { inputs, weights, bias, output }: ConvTransposeOverlap3dForward): Work =>
  joinWork(
    ...weights.map((packed) => gather(gpu, { name: 'convTransposeOverlap3d', inputs, bias, output }, packed)),
  );

export interface ConvTransposeOverlap3dInputGradient {
  readonly dOutput: Tensor;
  /** f32 [Cin, Cout, kD, kH, kW] */
  readonly weight: Tensor;
  /** The gradient of one input, whose channels begin at `firstChannel` of the weight's Cin. */
  readonly dInput: Tensor;
  readonly firstChannel: number;
  readonly stride: Dhw;
  /** Whether the gradient is added to dInput, which is assigned otherwise. */
  readonly accumulate: boolean;
}

/** dInput[n, i, ci] = Σ_t Σ_co weight[ci, co, t] · dOutput[n, i·stride − pad + t, co] */
export function inputGradient(gpu: Gpu, call: ConvTransposeOverlap3dInputGradient): Work {
  const { dOutput, weight, dInput, firstChannel, stride, accumulate } = call;
  const { kernel, padding } = shapeOf(weight, stride);
  const { packed, launches } = packWeights(gpu, {
    weights: {
      weight,
      inputAxis: 'a',
      firstTaps: [ZEROS],
      tapStep: ONES,
      inputChannels: [dOutput.shape[4]!],
      outputChannels: { first: firstChannel, count: dInput.shape[4]! },
    },
    geometry: {
      inStride: stride,
      outStride: ONES,
      outOffsets: [ZEROS],
      base: dhw((i) => -padding[i]!),
      taps: kernel,
    },
    output: dInput.shape,
    dtype: dInput.dtype as 'f32' | 'f16',
  });
  const gathered = { name: 'convTransposeOverlap3d.dInput', inputs: [dOutput], output: dInput, accumulate };
  return joinWork({ launches, scratch: [packed.tensor] }, gather(gpu, gathered, packed));
}

export interface ConvTransposeOverlap3dWeightGradient {
  /** Tensors [N, D, H, W, C]. */
  readonly inputs: readonly Tensor[];
  readonly dOutput: Tensor;
  /** f32 [Cin, Cout, kD, kH, kW]; it is added to. */
  readonly dWeight: Tensor;
  /** f32 [Cout]; it is added to. */
  readonly dBias?: Tensor | undefined;
  readonly stride: Dhw;
}

/** dWeight[ci, co, t] += Σ_n Σ_i input[n, i, ci] · dOutput[n, i·stride − pad + t, co];  dBias[co] += Σ dOutput */
export function parameterGradient(gpu: Gpu, call: ConvTransposeOverlap3dWeightGradient): Work {
  const { inputs, dOutput, dWeight, dBias, stride } = call;
  const { padding } = shapeOf(dWeight, stride);
  let firstCentre = 0;
  const parts = inputs.map((centre) => {
    const work = weightGradient(gpu, {
      name: 'convTransposeOverlap3d.dWeight',
      gathered: [dOutput],
      centre,
      dWeight,
      firstCentre,
      stride,
      base: dhw((i) => -padding[i]!),
    });
    firstCentre += centre.shape[4]!;
    return work;
  });
  if (dBias) parts.push(channelSum(gpu, 'convTransposeOverlap3d.dBias', dOutput, dBias));
  return joinWork(...parts);
}
