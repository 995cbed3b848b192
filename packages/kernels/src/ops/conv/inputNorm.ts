/** A norm and LeakyReLU that convolutions apply to their input as they read it, so that its output is never made. */
import { f32, type KernelCall, type View } from '../../kernel.ts';
import { elementCount, type Tensor } from '../../tensor.ts';

/** max(z, slope·z) of z = scale·x + offset. */
export interface InputNorm {
  /** f32 [N, C, 2]: scale and offset, see `instanceNorm.ts`. */
  readonly affine: Tensor;
  /** Below 1. */
  readonly slope: number;
}

/** What a kernel binds to apply it: scales and offsets, as vec4s of two channels each or one by one. */
export const normRead = (norm: InputNorm | undefined, isVec4: boolean): { affine?: View } =>
  norm
    ? { affine: { tensor: norm.affine, start: 0, count: elementCount(norm.affine.shape), vec4: isVec4 } }
    : {};
/** And its parameters. */
export const normParams = (norm: InputNorm | undefined): KernelCall['params'] =>
  norm ? { slope: f32(norm.slope) } : {};

/** WGSL: the function that a kernel calls on what it reads. */
export const normFunction = (type: 'f32' | 'vec4<f32>'): string => `
fn normed(value: ${type}, scale: ${type}, offset: ${type}) -> ${type} {
  let z = fma(value, scale, offset);
  return max(z, p.slope * z);
}`;

/** WGSL: the scale (part 0) or offset (part 1) of the `k`th channel from `a0` on, read from vec4s of two channels each. */
export const affineOfFour = (k: number, part: 0 | 1): string =>
  `affine[(p.item * p.a + a0) / 2u + ${k >> 1}u][${2 * (k % 2) + part}]`;
