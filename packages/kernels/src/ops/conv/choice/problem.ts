/** What a tile is, and what it is chosen for. */
import type { Dhw } from '../../../axes.ts';

export type Tile = { readonly kernel: 'direct' } | SharedTile;

/**
 * What a workgroup computes. In a gather: the outputs of `lines` along H × `width` voxels along W × `channels`, from
 * `depth` input channels at a time. In a weight gradient: `depth` × `channels` weights (gathered × centre) of all taps
 * along H and W, from `width` voxels of a line at a time; `lines` is 1, and the taps along H share the threads.
 */
export interface SharedTile {
  readonly kernel: 'fma' | 'matrix';
  readonly lines: number;
  readonly width: number;
  readonly channels: number;
  readonly depth: number;
  readonly threads: number;
  /** In a gather by `fma`: the voxels whose sums an invocation keeps, 8 where undefined; its channels follow. */
  readonly voxelsPerThread?: number;
  /**
   * In a gather: the shares of the sum over taps along D and input channels that workgroups of their own compute; 1 where
   * undefined.
   */
  readonly splits?: number | undefined;
}

/** A convolution, or one of its gradients, as far as it decides which tile is fast. */
export interface ConvProblem {
  readonly pass: 'gather' | 'weightGradient';
  /** What activations are stored in. */
  readonly dtype: 'f32' | 'f16';
  readonly inputChannels: readonly number[];
  readonly outputChannels: number;
  readonly taps: Dhw;
  /** The step in the gathered tensor from one output, or voxel of the centre, to the next. */
  readonly stride: Dhw;
  /** The step from one output of a set to the next, and the number of sets; all 1 in a weight gradient. */
  readonly outStride: Dhw;
  readonly sets: number;
  /** N, D, H, W: the outputs of one set, or the centre of a weight gradient. */
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
