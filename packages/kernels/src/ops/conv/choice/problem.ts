/** What a tile is chosen for, and what a tile is. */
import type { Dhw } from '../../../axes.ts';

export type Tile = { readonly kernel: 'direct' } | SharedTile;

/**
 * A workgroup's share. Of a gather: outputs of `lines` along H, `width` voxels along W and `channels`, `depth` input
 * channels at a time. Of a weight gradient: `depth` × `channels` weights (gathered × centre) of all taps along H and W,
 * `width` voxels of a line at a time; `lines` is 1, and the threads are shared by the taps along H.
 */
export interface SharedTile {
  readonly kernel: 'fma' | 'matrix';
  readonly lines: number;
  readonly width: number;
  readonly channels: number;
  readonly depth: number;
  readonly threads: number;
  /** Voxels whose sums an invocation of a gather by `fma` keeps, 8 unless given; channels follow from the rest. */
  readonly voxelsPerThread?: number;
  /** Shares of a gather's sum over taps along D and input channels that workgroups of their own compute; 1 unless given. */
  readonly splits?: number | undefined;
}

/** What a tile is chosen for. */
export interface ConvProblem {
  readonly pass: 'gather' | 'weightGradient';
  /** Of the activations. */
  readonly dtype: 'f32' | 'f16';
  readonly inputChannels: readonly number[];
  readonly outputChannels: number;
  readonly taps: Dhw;
  /** Of the gathered tensor. */
  readonly stride: Dhw;
  /** Of the outputs, and how many sets of them there are; 1 where `weightGradient`. */
  readonly outStride: Dhw;
  readonly sets: number;
  /** N, and the voxels along D, H, W that are computed, or that the centre of a weight gradient has. */
  readonly size: readonly [number, number, number, number];
}

/** The problem as a key of a tuning cache. */
export function problemKey(problem: ConvProblem): string {
  const { pass, dtype, inputChannels, outputChannels, taps, stride, outStride, sets, size } = problem;
  const channels = `${inputChannels.join('+')}→${sets > 1 ? `${sets}×` : ''}${outputChannels}`;
  const strides = `${stride.join('×')} to ${outStride.join('×')}`;
  return `${pass} ${dtype} ${channels} taps ${taps.join('×')} stride ${strides} size ${size.join('×')}`;
}

export const DIRECT: Tile = { kernel: 'direct' };
