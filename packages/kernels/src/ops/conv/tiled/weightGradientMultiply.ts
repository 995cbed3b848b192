/**
 * Who multiplies in `tiledWeightGradient.ts`: a workgroup's invocations by `fma`, or its subgroups by matrices. Both keep
 * their sums in registers and hand them out at the end.
 */
import { lines, range } from '../../wgsl.ts';
import type { SharedTile } from '../choice/problem.ts';
import { rowVec4s } from '../choice/tile.ts';
import { type Block, slotOfTap } from './block.ts';
import { FRAGMENT, LANES, type MatrixText } from './matrix.ts';
import type { Reading } from './text.ts';

export interface WeightGradientShape {
  readonly tile: SharedTile;
  /** Of one row; its lines are the ring's. */
  readonly block: Block;
  readonly text: MatrixText;
  readonly readingA: Reading;
  readonly readingB: Reading;
  readonly stored: 'f32' | 'f16';
  readonly isNormed: boolean;
  readonly tapsH: number;
  readonly tapsW: number;
  readonly strideH: number;
  readonly strideW: number;
  /** The end of a short loop. */
  end(n: number): string;
}

/** What multiplies: declarations, sums before the loop, a row's products, and the way out. */
export interface WeightMultiplier {
  readonly scalar: 'f32' | 'f16';
  readonly declarations: string;
  /** Declares th, the tap along H that the invocation sums. */
  readonly sums: string;
  /** `line` is where that tap's line begins in the ring. */
  readonly multiply: string;
  readonly finish: string;
}

export const multiplier = (shape: WeightGradientShape): WeightMultiplier =>
  shape.tile.kernel === 'fma' ? fma(shape) : matrix(shape);

/** Each invocation keeps 4 channels of `a` × 4 of `b` × all taps along W, of one along H. */
function fma({ tile, block, tapsW, strideW, end }: WeightGradientShape): WeightMultiplier {
  const [rowA, rowB] = [rowVec4s(tile.depth), rowVec4s(tile.channels)];
  const perTap = (tile.depth * tile.channels) / 16;
  const sums = range(tapsW).flatMap((t) => range(4).map((k) => ({ t, k })));
  return {
    scalar: 'f32',
    declarations: '',
    sums: `let th = lane / ${perTap}u;
  let blockA = lane % ${perTap}u / ${tile.channels / 4}u;
  let blockB = lane % ${tile.channels / 4}u;
  ${sums.map(({ t, k }) => `var sum${t}_${k} = vec4<f32>(0);`).join(' ')}`,
    multiply: `for (var w = 0u; w < ${end(tile.width)}; w++) {
        let b = centre[w * ${rowB}u + blockB];
        ${lines(
          tapsW,
          (t) => `{ let a = strip[line + (w + ${slotOfTap(`${t}u`, block, strideW)}) * ${rowA}u + blockA];
        ${range(4)
          .map((k) => `sum${t}_${k} = fma(vec4(a[${k}]), b, sum${t}_${k});`)
          .join(' ')} }`,
        )}
      }`,
    finish: `var sums = array<vec4<f32>, ${sums.length}>(${sums.map(({ t, k }) => `sum${t}_${k}`).join(', ')});
  let firstTap = (u32(td) * ${block.lines}u + th) * ${tapsW}u;
  for (var i = 0u; i < ${end(4 * sums.length)}; i++) {
    put(share, firstTap + i / 16u, a0 + blockA * 4u + i / 4u % 4u, b0 + blockB * 4u + i % 4u, sums[i / 4u][i % 4u]);
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
  const stage = (FRAGMENT * FRAGMENT) / 4;
  const sums = range(tapsW).flatMap((t) =>
    fragmentsA.flatMap((a) => fragmentsB.map((b) => ({ t, a, b, name: `sum${t}_${a}_${b}` }))),
  );
  const left = (t: number, a: number) => ({
    name: `left${a}`,
    array: 'strip',
    offset: `line + (k * ${FRAGMENT}u + ${slotOfTap(`${t}u`, block, strideW)}) * ${rowA}u + (blockA + ${a}u) * ${FRAGMENT / 4}u`,
    stride: `${rowA}u`,
    transposed: true,
  });
  const right = (b: number) => ({
    name: `right${b}`,
    array: 'centre',
    offset: `k * ${FRAGMENT * rowB}u + (blockB + ${b}u) * ${FRAGMENT / 4}u`,
    stride: `${rowB}u`,
  });
  return {
    scalar: 'f16',
    declarations: `var<workgroup> stage: array<vec4<f32>, ${(tile.threads / LANES) * stage}>;`,
    sums: `let subgroup = lane / ${LANES}u;
  let th = subgroup / ${perTap}u;
  let part = subgroup % ${perTap}u / ${splits}u;
  let blockB = subgroup % ${perTap}u % ${splitB}u * ${countB}u;
  let blockA = subgroup % ${perTap}u % ${splits}u / ${splitB}u * ${countA}u;
  ${sums.map(({ name }) => `var ${name}: ${text.accumulator};`).join(' ')}`,
    multiply: `for (var k = part; k < ${tile.width / FRAGMENT}u; k += ${along}u) {
        ${fragmentsB.map((b) => text.load('right', right(b))).join('\n        ')}
        ${range(tapsW)
          .flatMap((t) =>
            fragmentsA.map(
              (a) => `{ ${text.load('left', left(t, a))}
        ${fragmentsB.map((b) => text.multiplyAdd(`sum${t}_${a}_${b}`, left(t, a), right(b))).join('\n        ')} }`,
            ),
          )
          .join('\n        ')}
      }`,
    finish: sums
      .map(
        ({ t, a, b, name }) => `workgroupBarrier();
  ${text.store(name, 'stage', `subgroup * ${stage}u`, `${FRAGMENT / 4}u`)}
  workgroupBarrier();
  if (part == 0u) {
    for (var i = lane % ${LANES}u; i < ${FRAGMENT * FRAGMENT}u; i += ${LANES}u) {
      var sum = 0.0;
      for (var s = 0u; s < ${along}u; s++) { sum += stage[(subgroup + s * ${splits}u) * ${stage}u + i / 4u][i % 4u]; }
      put(share, (u32(td) * ${tapsH}u + th) * ${tapsW}u + ${t}u, a0 + (blockA + ${a}u) * ${FRAGMENT}u + i / ${FRAGMENT}u, b0 + (blockB + ${b}u) * ${FRAGMENT}u + i % ${FRAGMENT}u, sum);
    }
  }`,
      )
      .join('\n  '),
  };
}
