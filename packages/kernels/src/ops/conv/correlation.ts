/**
 * The weight gradient behind every convolution: a strided correlation.
 *
 *   dWeight[b, a, t] += Σ_n Σ_j gathered[n, j·stride + base + t, a] · centre[n, j, b]
 *
 * conv3d: gathered = its input, centre = dOutput. Transposed convolution: gathered = dOutput, centre = input.
 *
 * The volume is cut into shares of rows; the shares' sums are added in a second pass, in a fixed order.
 */

import type { Dhw } from '../../axes.ts';
import { i32, type KernelCall, u32, type View } from '../../kernel.ts';
import type { Tensor } from '../../tensor.ts';
import { viewOf } from '../../views.ts';
import { clamp } from './geometry.ts';
import { type InputNorm, normParams, normRead } from './inputNorm.ts';

export interface WeightGradientCall {
  readonly name: string;
  /** [N, D, H, W, A] each; their channels stand one after another. */
  readonly gathered: readonly Tensor[];
  /** [N, jD, jH, jW, B] */
  readonly centre: Tensor;
  /** f32 [B, ΣA, kD, kH, kW], accumulated. */
  readonly dWeight: Tensor;
  /** Which of dWeight's B the centre's first channel is, where the centre is one of several; it has all of them otherwise. */
  readonly firstCentre?: number | undefined;
  readonly stride: Dhw;
  readonly base: Dhw;
  /** The norm that is applied to the gathered tensor; there must be one alone. */
  readonly norm?: InputNorm | undefined;
}

/** Planes [z0, z1) of one batch item, cut into `shares` of rows. */
export interface Slab {
  readonly n: number;
  readonly z0: number;
  readonly z1: number;
  readonly shares: number;
}

/** One input's sums over one slab, into the shares from `firstShare` on. */
export interface Correlation {
  readonly call: WeightGradientCall;
  readonly slab: Slab;
  /** Which of `gathered` it is. */
  readonly index: number;
  /** f32 [shares, elements of dWeight] */
  readonly shares: Tensor;
  readonly firstShare: number;
}

/** What every kernel of a correlation binds and is told: `x` are planes of the gathered tensor, `g` of the centre. */
export function correlationViews({ call, slab, index, firstShare }: Correlation): {
  readonly read: { readonly x: View; readonly g: View; readonly affine?: View };
  readonly params: KernelCall['params'];
} {
  const { gathered, centre, dWeight, stride, base, norm } = call;
  const source = gathered[index]!;
  const [, depth, height, width, b] = centre.shape as [number, number, number, number, number];
  const [, inDepth, inHeight, inWidth, a] = source.shape as [number, number, number, number, number];
  const [, aTotal, tapsD, tapsH] = dWeight.shape as [number, number, number, number];
  const inPlane = inHeight * inWidth * a;
  const plane = height * width * b;
  const inFirst = clamp(slab.z0 * stride[0] + base[0], 0, inDepth - 1);
  const inEnd = clamp((slab.z1 - 1) * stride[0] + base[0] + tapsD, inFirst + 1, inDepth);
  const x = viewOf(source, (slab.n * inDepth + inFirst) * inPlane, (slab.n * inDepth + inEnd) * inPlane);
  const g = viewOf(centre, (slab.n * depth + slab.z0) * plane, (slab.n * depth + slab.z1) * plane);
  return {
    read: {
      x: { ...x, vec4: a % 4 === 0 },
      g: { ...g, vec4: b % 4 === 0 },
      ...normRead(norm, a % 4 === 0),
    },
    params: {
      shares: u32(slab.shares),
      firstShare: u32(firstShare),
      rows: u32((slab.z1 - slab.z0) * height),
      firstD: i32(slab.z0),
      height: u32(height),
      width: u32(width),
      inDepth: i32(inDepth),
      inHeight: i32(inHeight),
      inWidth: i32(inWidth),
      inShift: i32(x.shift - inFirst * inPlane),
      shift: u32(g.shift),
      a: u32(a),
      b: u32(b),
      aTotal: u32(aTotal),
      firstA: u32(gathered.slice(0, index).reduce((sum, t) => sum + t.shape[4]!, 0)),
      tapsD: u32(tapsD),
      tapsH: u32(tapsH),
      strideD: i32(stride[0]),
      strideH: i32(stride[1]),
      baseD: i32(base[0]),
      baseH: i32(base[1]),
      baseW: i32(base[2]),
      item: u32(slab.n),
      ...normParams(norm),
    },
  };
}
