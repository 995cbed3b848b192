/**
 * Who multiplies in a tiled weight gradient (see `weightGradientCode.ts`): a workgroup's invocations by `fma`, or its
 * subgroups by matrices. Both keep their sums in registers and hand them out at the end.
 */
import { lines, range } from '../../wgsl.ts';
import type { SharedTile } from '../choice/problem.ts';
import { type Block, slotOfTap } from './block.ts';
import type { Reading } from './load.ts';
import { FRAGMENT, LANES, type MatrixText } from './matrix.ts';
import { rowVec4s, type SharedArray } from './memory.ts';
import { over, times } from './text.ts';

/** All that shapes the code. */
export interface WeightGradientShape {
  readonly tile: SharedTile;
  /** The block of one row; its lines are the ring's. */
  readonly block: Block;
  readonly memory: readonly SharedArray[];
  readonly text: MatrixText;
  /** How the gathered tensor and the centre are read. */
  readonly readingA: Reading;
  readonly readingB: Reading;
  /** What both are stored in. */
  readonly stored: 'f32' | 'f16';
  /** Whether the gathered tensor is normed as it is read. */
  readonly isNormed: boolean;
  readonly tapsH: number;
  readonly tapsW: number;
  readonly strideH: number;
  readonly strideW: number;
  /** The end of a short loop. */
  end(n: number): string;
}

/** WGSL expressions of the weights that a workgroup computes: the share, the tap along D, the first channels. */
export interface WeightsOut {
  readonly share: string;
  readonly td: string;
  readonly a0: string;
  readonly b0: string;
}

/**
 * The statements of a multiplier, in `main`. Beside what they are given they see `lane`, the invocation's number in the
 * workgroup, and what `declare` declares.
 */
export interface WeightMultiplier {
  /** What tiles are held in. */
  readonly scalar: 'f32' | 'f16';
  /** Functions that the statements call. */
  readonly functions: string;
  /** Declares the invocation's sums, which are 0, and `th`, the tap along H that they are of. */
  readonly declare: string;
  /** Adds the products of a row: `line` is the vec4 of `strip` where the line of tap `th` begins. */
  multiply(line: string): string;
  /** Hands the sums to `put`. */
  finish(weights: WeightsOut): string;
}

export const weightMultiplier = (shape: WeightGradientShape): WeightMultiplier =>
  shape.tile.kernel === 'fma' ? fma(shape) : matrix(shape);

/** Each invocation keeps 4 channels of `a` × 4 of `b` × all taps along W, of one along H. */
function fma({ tile, block, tapsW, strideW, end }: WeightGradientShape): WeightMultiplier {
  const [rowA, rowB] = [rowVec4s(tile.depth), rowVec4s(tile.channels)];
  const perTap = (tile.depth * tile.channels) / 16;
  const sums = range(tapsW).flatMap((t) => range(4).map((k) => ({ t, k })));
  return {
    scalar: 'f32',
    functions: '',
    declare: `let th = lane / ${perTap}u;
  let vecA = lane % ${perTap}u / ${tile.channels / 4}u;
  let vecB = lane % ${tile.channels / 4}u;
  ${sums.map(({ t, k }) => `var sum${t}_${k} = vec4<f32>(0);`).join(' ')}`,
    multiply: (line) => `for (var w = 0u; w < ${end(tile.width)}; w++) {
        let b = centre[w * ${rowB}u + vecB];
        ${lines(
          tapsW,
          (t) => `{ let a = strip[${line} + (w + ${slotOfTap(`${t}u`, block, strideW)}) * ${rowA}u + vecA];
        ${range(4)
          .map((k) => `sum${t}_${k} = fma(vec4(a[${k}]), b, sum${t}_${k});`)
          .join(' ')} }`,
        )}
      }`,
    finish: ({ share, td, a0, b0 }) =>
      `var sums = array<vec4<f32>, ${sums.length}>(${sums.map(({ t, k }) => `sum${t}_${k}`).join(', ')});
  let firstTap = (u32(${td}) * ${block.lines}u + th) * ${tapsW}u;
  for (var i = 0u; i < ${end(4 * sums.length)}; i++) {
    put(${share}, firstTap + i / 16u, ${a0} + vecA * 4u + i / 4u % 4u, ${b0} + vecB * 4u + i % 4u, sums[i / 4u][i % 4u]);
  }`,
  };
}

/** Accumulators that a subgroup keeps at most. */
const MOST_FRAGMENTS = 16;

/**
 * Subgroups share the taps along H, those of a tap the fragments of `a` and `b` until each keeps few enough; those left
 * over share the voxels, and their sums are added at the end.
 */
function matrix({ tile, block, text, tapsH, tapsW, strideW }: WeightGradientShape): WeightMultiplier {
  const [rowA, rowB] = [rowVec4s(tile.depth), rowVec4s(tile.channels)];
  const perTap = tile.threads / LANES / tapsH;
  let [countA, countB] = [tile.depth / FRAGMENT, tile.channels / FRAGMENT];
  let splits = 1;
  while (countA * countB * tapsW > MOST_FRAGMENTS && splits < perTap && countA * countB > 1) {
    if (countB >= countA) countB /= 2;
    else countA /= 2;
    splits *= 2;
  }
  const splitB = tile.channels / FRAGMENT / countB;
  const along = perTap / splits;
  const [fragmentsA, fragmentsB] = [range(countA), range(countB)];
  const stagedVec4s = (FRAGMENT * FRAGMENT) / 4;
  const sums = range(tapsW).flatMap((t) =>
    fragmentsA.flatMap((a) => fragmentsB.map((b) => ({ t, a, b, name: `sum${t}_${a}_${b}` }))),
  );
  const fragmentA = (a: number) => (a ? `(fragmentA + ${a}u)` : 'fragmentA');
  const fragmentB = (b: number) => (b ? `(fragmentB + ${b}u)` : 'fragmentB');
  const left = (t: number, a: number, line: string) => ({
    name: `left${a}`,
    array: 'strip',
    offset: `${line} + (k * ${FRAGMENT}u + ${slotOfTap(`${t}u`, block, strideW)}) * ${rowA}u + ${fragmentA(a)} * ${FRAGMENT / 4}u`,
    stride: `${rowA}u`,
    transposed: true,
  });
  const right = (b: number) => ({
    name: `right${b}`,
    array: 'centre',
    offset: `k * ${FRAGMENT * rowB}u + ${fragmentB(b)} * ${FRAGMENT / 4}u`,
    stride: `${rowB}u`,
  });
  return {
    scalar: 'f16',
    functions: `
// Writes a fragment of the weights from channels a and b on: the sum of what the subgroups that shared its voxels staged.
fn putFragment(share: u32, tap: u32, a: u32, b: u32, subgroup: u32, lane: u32) {
  for (var i = lane % ${LANES}u; i < ${FRAGMENT * FRAGMENT}u; i += ${LANES}u) {
    var sum = 0.0;
    for (var s = 0u; s < ${along}u; s++) { sum += staged[(subgroup + ${times('s', splits)}) * ${stagedVec4s}u + i / 4u][i % 4u]; }
    put(share, tap, a + i / ${FRAGMENT}u, b + i % ${FRAGMENT}u, sum);
  }
}`,
    declare: `let subgroup = lane / ${LANES}u;
  let th = subgroup / ${perTap}u;
  let part = ${over(`subgroup % ${perTap}u`, splits)};
  let fragmentB = ${times(`subgroup % ${perTap}u % ${splitB}u`, countB)};
  let fragmentA = ${times(over(`subgroup % ${perTap}u % ${splits}u`, splitB), countA)};
  ${sums.map(({ name }) => `var ${name}: ${text.accumulator};`).join(' ')}`,
    multiply: (line) => `for (var k = part; k < ${tile.width / FRAGMENT}u; k += ${along}u) {
        ${fragmentsB.map((b) => text.load('right', right(b))).join('\n        ')}
        ${range(tapsW)
          .flatMap((t) =>
            fragmentsA.map(
              (a) => `{ ${text.load('left', left(t, a, line))}
        ${fragmentsB.map((b) => text.multiplyAdd(`sum${t}_${a}_${b}`, left(t, a, line), right(b))).join('\n        ')} }`,
            ),
          )
          .join('\n        ')}
      }`,
    finish: ({ share, td, a0, b0 }) =>
      sums
        .map(({ t, a, b, name }) => {
          const tap = `(u32(${td}) * ${tapsH}u + th) * ${tapsW}u + ${t}u`;
          const [firstA, firstB] = [fragmentA(a), fragmentB(b)].map((f) => `${f} * ${FRAGMENT}u`);
          return `workgroupBarrier();
  ${text.store(name, 'staged', `subgroup * ${stagedVec4s}u`, `${FRAGMENT / 4}u`)}
  workgroupBarrier();
  if (part == 0u) { putFragment(${share}, ${tap}, ${a0} + ${firstA}, ${b0} + ${firstB}, subgroup, lane); }`;
        })
        .join('\n  '),
  };
}
