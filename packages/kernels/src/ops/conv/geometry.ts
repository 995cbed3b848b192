/**
 * What is behind every convolution on the network's way: a strided gather.
 *
 *   out[j·outStride + outOffset, b] (+)= Σ_t Σ_a in[j·inStride + base + t, a] · W[t, a, b]      per axis, j ≥ 0
 *
 * conv3d forward, its input gradient (one gather per residue class of the stride), transposed convolution and its
 * gradient are all of this form: `conv3d.ts` and `convTranspose3d.ts` say which. Out-of-range inputs are 0.
 */
import { type Dhw, dhw } from '../../axes.ts';
import type { Gpu } from '../../device.ts';
import { i32, type KernelCall, u32 } from '../../kernel.ts';
import { elementBytes, type Tensor } from '../../tensor.ts';
import { range } from '../wgsl.ts';
import type { InputNorm } from './inputNorm.ts';

/** The numbers of the sum above, for each axis. */
export interface GatherGeometry {
  readonly inStride: Dhw;
  readonly outStride: Dhw;
  /** One offset for each set of outputs, which has weights of its own: several for a transposed convolution alone. */
  readonly outOffsets: readonly Dhw[];
  readonly base: Dhw;
  /** The number of taps; an axis without taps makes the sum 0. */
  readonly taps: Dhw;
}

/** Which weights of a convolution a gather takes. */
export interface WeightSelection {
  /** f32 [b, a, kD, kH, kW]: conv3d's [out, in, …] or the transposed convolution's [in, out, …]. */
  readonly weight: Tensor;
  /** The axis that the gather's input channels run over: `a` in conv3d forward. */
  readonly inputAxis: 'a' | 'b';
  /** One for each set of outputs: tap t of the gather is tap firstTap + t·tapStep of the convolution's kernel. */
  readonly firstTaps: readonly Dhw[];
  readonly tapStep: Dhw;
  /** The channels of each of the gather's inputs; they add up to the length of the input axis. */
  readonly inputChannels: readonly number[];
  /** The part of the other axis that is computed; all of it where undefined. */
  readonly outputChannels?: { readonly first: number; readonly count: number };
}

/** What weights are packed for. */
export interface GatherPlan {
  readonly weights: WeightSelection;
  readonly geometry: GatherGeometry;
  /** The output's shape, [N, D, H, W, C]. */
  readonly output: readonly number[];
  /** What the inputs and the output are stored in. */
  readonly dtype: 'f32' | 'f16';
}

export interface GatherCall {
  readonly name: string;
  /** [N, D, H, W, C] each; their channels are concatenated, in this order, without a copy. */
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** f32 [C], added once. */
  readonly bias?: Tensor | undefined;
  /** Add to the output instead of assigning it. */
  readonly accumulate?: boolean;
  /** f32 [N, C, 2]: mean and 1/√(var + ε) of the output over its voxels; written. */
  readonly stats?: Tensor | undefined;
  /** The norm that is applied to the input; there must be one input alone. */
  readonly norm?: InputNorm | undefined;
}

/** The number of outputs j along each axis. */
export const counts = (output: readonly number[], { outStride, outOffsets }: GatherGeometry): Dhw =>
  dhw((i) => Math.max(0, Math.floor((output[i + 1]! - 1 - outOffsets[0]![i]!) / outStride[i]!) + 1));

/**
 * Ranges [start, end) of j along D whose planes of all inputs and of the output each fit a binding. Throws where not
 * even one plane does.
 */
export function slabs(
  gpu: Gpu,
  inputs: readonly Tensor[],
  output: Tensor,
  geometry: GatherGeometry,
): [number, number][] {
  const margin = 256; // views begin up to so many elements early
  const planes = ({ dtype, shape: [, , h, w, c] }: Tensor) =>
    Math.floor((gpu.maxBindingBytes / elementBytes(dtype) - margin) / (h! * w! * c!));
  const { inStride, outStride, taps } = geometry;
  const most = Math.min(
    Math.floor((planes(output) - outStride[0]) / outStride[0]) + 1,
    ...inputs.map((input) => Math.floor((planes(input) - Math.max(1, taps[0])) / inStride[0]) + 1),
  );
  if (most < 1) {
    throw new Error(
      `conv: a plane of [${output.shape}] does not fit a binding of ${gpu.maxBindingBytes} bytes`,
    );
  }
  const [total] = counts(output.shape, geometry);
  const result: [number, number][] = [];
  for (let start = 0; start < total; start += most) result.push([start, Math.min(total, start + most)]);
  return result;
}

/** The planes [first, end) of an input that outputs j0 … j1 − 1 along D read; one at least, so that there is something to bind. */
export function planesRead(
  { inStride, base, taps }: GatherGeometry,
  inDepth: number,
  [j0, j1]: readonly [number, number],
): [first: number, end: number] {
  const first = clamp(j0 * inStride[0] + base[0], 0, inDepth - 1);
  return [first, clamp((j1 - 1) * inStride[0] + base[0] + taps[0], first + 1, inDepth)];
}

export const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));

/**
 * The parameters of every gather kernel, for outputs j0 … j1 − 1 along D: `first`, `count` of the outputs, then the numbers
 * of the geometry, then the shapes. The input stride along W is not among them; it shapes the code.
 */
export function gatherParams(
  geometry: GatherGeometry,
  { shape: input }: Tensor,
  { shape: output }: Tensor,
  [j0, j1]: readonly [number, number],
  outOffset: Dhw,
): KernelCall['params'] {
  const { inStride, outStride, base, taps } = geometry;
  const [, countH, countW] = counts(output, geometry);
  return {
    firstD: u32(j0),
    countD: u32(j1 - j0),
    countH: u32(countH),
    countW: u32(countW),
    tapsD: u32(taps[0]),
    tapsH: u32(taps[1]),
    baseD: i32(base[0]),
    baseH: i32(base[1]),
    baseW: i32(base[2]),
    inStrideD: i32(inStride[0]),
    inStrideH: i32(inStride[1]),
    inDepth: i32(input[1]!),
    inHeight: i32(input[2]!),
    inWidth: i32(input[3]!),
    outStrideD: u32(outStride[0]),
    outStrideH: u32(outStride[1]),
    outStrideW: u32(outStride[2]),
    outOffsetD: u32(outOffset[0]),
    outOffsetH: u32(outOffset[1]),
    outOffsetW: u32(outOffset[2]),
    outHeight: u32(output[2]!),
    outWidth: u32(output[3]!),
    outChannels: u32(output[4]!),
  };
}

/** The channels of the output that are computed: those chosen, or all. */
export const outputChannelsOf = ({ weight, inputAxis, outputChannels }: WeightSelection) =>
  outputChannels ?? { first: 0, count: weight.shape[inputAxis === 'a' ? 0 : 1]! };

/** The parameters of every kernel that packs weights: where the weight of a channel, a tap and a set of outputs lies. */
export function packParams({ weights: selection, geometry }: GatherPlan): KernelCall['params'] {
  const { weight, inputAxis, firstTaps, tapStep } = selection;
  const { taps, outStride } = geometry;
  const [, a, kernelD, kernelH, kernelW] = weight.shape as [number, number, number, number, number];
  const { first, count } = outputChannelsOf(selection);
  const [tap] = firstTaps as [Dhw];
  return {
    firstOut: u32(first),
    endOut: u32(first + count),
    inStep: u32((inputAxis === 'a' ? 1 : a) * kernelD * kernelH * kernelW),
    outStep: u32((inputAxis === 'a' ? a : 1) * kernelD * kernelH * kernelW),
    kernelH: u32(kernelH),
    kernelW: u32(kernelW),
    tapsH: u32(taps[1]),
    tapsW: u32(taps[2]),
    firstD: u32(tap[0]),
    firstH: u32(tap[1]),
    firstW: u32(tap[2]),
    // Negative steps wrap, as u32 arithmetic does.
    stepD: u32(tapStep[0]),
    stepH: u32(tapStep[1]),
    stepW: u32(tapStep[2]),
    outStrideH: u32(outStride[1]),
    outStrideW: u32(outStride[2]),
    sets: u32(firstTaps.length),
  };
}

/** The offsets in a block of this size, in raster order: where the sets of outputs go when there are several. */
export const blockOffsets = ([d, h, w]: Dhw): Dhw[] =>
  range(d * h * w).map((i) => [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w]);

/** WGSL: the offset of a set of outputs in its block of outStride; zeros where there is one set. */
export const offsetOfSet = (set: string): string =>
  `select(0u, 1u, p.sets > 1u) * vec3(${set} / (p.outStrideW * p.outStrideH), ${set} / p.outStrideW % p.outStrideH, ${set} % p.outStrideW)`;
