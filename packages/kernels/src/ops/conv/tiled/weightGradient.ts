/**
 * The weight gradient (see `correlation.ts`) as an implicit GEMM over voxels. A workgroup computes `depth` gathered
 * channels × `channels` of the centre × all taps along H and W, for one tap of D and one share of the rows. It walks
 * down the rows, `width` voxels wide: the lines of the gathered tensor that a row's taps read stay in a ring in
 * workgroup memory, to which each row adds its new ones; the next row's are on their way meanwhile.
 */
import type { Gpu } from '../../../device.ts';
import { type Launch, prepare, u32 } from '../../../kernel.ts';
import type { SharedTile } from '../choice/problem.ts';
import { type Correlation, correlationViews, type WeightGradientCall } from '../correlation.ts';
import { blockOf } from './block.ts';
import { bindingOf, readingOf } from './load.ts';
import { matrixText } from './matrix.ts';
import { gradientMemory } from './memory.ts';
import { loopEnd } from './text.ts';
import { weightGradientCode } from './weightGradientCode.ts';

/** The number of workgroups that work on one share. */
export function tiledWorkgroups({ gathered, centre, dWeight }: WeightGradientCall, tile: SharedTile): number {
  const tilesA = gathered.reduce((sum, t) => sum + Math.ceil(t.shape[4]! / tile.depth), 0);
  return dWeight.shape[2]! * tilesA * Math.ceil(centre.shape[4]! / tile.channels);
}

/** The launch that computes one correlation. */
export function correlateTiled(gpu: Gpu, correlation: Correlation, tile: SharedTile): Launch {
  const { call, slab, index, shares } = correlation;
  const { read, params } = correlationViews(correlation);
  const source = call.gathered[index]!;
  const [, , ...taps] = call.dWeight.shape as [number, number, number, number, number];
  const [tapsD, tapsH, tapsW] = taps;
  const { stride } = call;
  const tilesA = Math.ceil(source.shape[4]! / tile.depth);
  const tilesB = Math.ceil(call.centre.shape[4]! / tile.channels);
  const groups = slab.shares * tapsD * tilesA * tilesB;
  const text = matrixText(gpu);
  const scalar = tile.kernel === 'matrix' ? 'f16' : 'f32';
  const [readingA, readingB] = [readingOf([source], scalar), readingOf([call.centre], scalar)];
  return prepare(gpu, {
    name: call.name,
    read: {
      ...read,
      x: { ...read.x, ...bindingOf(readingA) },
      g: { ...read.g, ...bindingOf(readingB) },
    },
    write: { partial: shares },
    params: { ...params, groups: u32(groups), tilesA: u32(tilesA), tilesB: u32(tilesB) },
    directives: tile.kernel === 'matrix' ? text.directives : [],
    code: weightGradientCode({
      tile,
      block: blockOf(1, tile.width, taps, stride),
      memory: gradientMemory(tile, { taps, stride }),
      text,
      readingA,
      readingB,
      stored: source.dtype as 'f32' | 'f16',
      isNormed: call.norm !== undefined,
      tapsH,
      tapsW,
      strideH: stride[1],
      strideW: stride[2],
      end: loopEnd(gpu),
    }),
    workgroupSize: tile.threads,
    invocations: groups * tile.threads,
  });
}
