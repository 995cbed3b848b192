/**
 * The weight gradient behind every convolution: a strided correlation.
 *
 *   dWeight[b, a, t] += Σ_n Σ_j gathered[n, j·stride + base + t, a] · centre[n, j, b]
 *
 * conv3d: gathered = its input, centre = dOutput. Transposed convolution: gathered = dOutput, centre = input.
 *
 * The volume is cut into shares of rows; the shares' sums are added in a second pass, in a fixed order.
 */
import type { Tensor } from '../../tensor.ts';
import type { Triple } from './geometry.ts';

export interface WeightGradientCall {
  readonly name: string;
  /** [N, D, H, W, A] each; their channels are concatenated. */
  readonly gathered: readonly Tensor[];
  /** [N, jD, jH, jW, B] */
  readonly centre: Tensor;
  /** f32 [B, ΣA, kD, kH, kW], accumulated. */
  readonly dWeight: Tensor;
  readonly stride: Triple;
  readonly base: Triple;
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
  /** Of `gathered`. */
  readonly index: number;
  /** f32 [shares, elements of dWeight] */
  readonly shares: Tensor;
  readonly firstShare: number;
}
