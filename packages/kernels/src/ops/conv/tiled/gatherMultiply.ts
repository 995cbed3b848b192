/**
 * Who multiplies in `tiledGather.ts`: a workgroup's invocations by `fma`, or its subgroups by matrices. Both keep their
 * sums in registers and hand them out at the end, four channels of a row at a time.
 */
import { lines, range } from '../../wgsl.ts';
import type { SharedTile } from '../choice/problem.ts';
import { momentVec4s, rowVec4s, sumsPerThread } from '../choice/tile.ts';
import type { Block } from './block.ts';
import { FRAGMENT, LANES, type MatrixText } from './matrix.ts';
import { type Reading, shareReads } from './text.ts';

export interface TiledShape {
  readonly tile: SharedTile;
  readonly block: Block;
  readonly text: MatrixText;
  /** Of all inputs. */
  readonly reading: Reading;
  readonly stored: 'f32' | 'f16';
  readonly inputs: number;
  readonly vecOut: boolean;
  readonly bias: boolean;
  /** Whether the input is normed as it is read. */
  readonly isNormed: boolean;
  /** Whether the moments of the tile's outputs are handed out too. */
  readonly moments: boolean;
  readonly tapsH: number;
  readonly tapsW: number;
  readonly strideH: number;
  readonly strideW: number;
  /** The end of a short loop. */
  end(n: number): string;
}

/** What multiplies: declarations, sums before the loop, one block's products, and the way out. */
export interface Multiplier {
  /** What tiles are held in. */
  readonly scalar: 'f32' | 'f16';
  /** vec4s of the block of inputs; also those that the moments want. */
  readonly blockVec4s: number;
  readonly declarations: string;
  readonly sums: string;
  /** Where weights are shared in workgroup memory: those of one tap along H, read from `row` on, and kept. */
  readonly weights?: { read(row: string): string; readonly keep: string };
  /** Of tap t along W, whose inputs begin at `tap`, and whose weights at `row`. */
  readonly multiply: string;
  /** Calls `put` and, with moments, `putMoments`. */
  readonly finish: string;
}

export const multiplier = (shape: TiledShape): Multiplier =>
  shape.tile.kernel === 'fma' ? fma(shape) : matrix(shape);

/** WGSL: where the inputs of a tile's row lie, for the first taps. */
const rowStart = ({ tile, block }: TiledShape, row: string) =>
  `(${row} / ${tile.width}u * ${block.lineStep * block.voxels}u + ${row} % ${tile.width}u) * ${rowVec4s(tile.depth)}u`;

/**
 * Moments: each invocation adds up the differences of its values, and their squares, from the column's value in the
 * tile's first row, which loses no digits to a large mean; then one invocation a column joins them.
 */
const addTo = (sum: string, squares: string, value: string, centre: string, row: string) =>
  `if (isInside(place, ${row})) { let d = ${value} - ${centre}; ${sum} += d; ${squares} += d * d; }`;

/** Each invocation keeps some rows × 4 or 8 columns. */
function fma(shape: TiledShape): Multiplier {
  const { tile, block, tapsW, end } = shape;
  const rows = tile.lines * tile.width;
  const [rowsEach, perThread] = sumsPerThread(tile);
  const vectors = range(perThread / 4);
  const columnVec4s = tile.channels / 4;
  const shared = tapsW * tile.depth * columnVec4s;
  const reads = shareReads(tile.threads, shared, 1);
  const each = <T>(f: (i: number, v: number) => T): T[] =>
    range(rowsEach).flatMap((i) => vectors.map((v) => f(i, v)));
  const rowOf = (i: number) => `(rowGroup + ${(i * rows) / rowsEach}u)`;
  const rowGroups = rows / rowsEach;
  // In the block, behind the sums.
  const centres = 2 * rowGroups * columnVec4s;
  const finishMoments = `
  workgroupBarrier();
  if (rowGroup == 0u) { ${vectors.map((v) => `block[${centres}u + columnGroup + ${v}u] = sum0_${v};`).join(' ')} }
  workgroupBarrier();
  ${vectors
    .map(
      (v) => `{ let centre = block[${centres}u + columnGroup + ${v}u];
    var sum = vec4<f32>(0);
    var squares = vec4<f32>(0);
    ${lines(rowsEach, (i) => addTo('sum', 'squares', `sum${i}_${v}`, 'centre', rowOf(i)))}
    let at = (rowGroup * ${columnVec4s}u + columnGroup + ${v}u) * 2u;
    block[at] = sum;
    block[at + 1u] = squares; }`,
    )
    .join('\n  ')}
  workgroupBarrier();
  for (var column = lane; column < ${columnVec4s}u; column += ${tile.threads}u) {
    var sum = vec4<f32>(0);
    var squares = vec4<f32>(0);
    for (var g = 0u; g < ${end(rowGroups)}; g++) {
      let at = (g * ${columnVec4s}u + column) * 2u;
      sum += block[at];
      squares += block[at + 1u];
    }
    putMoments(place, column * 4u, block[${centres}u + column], sum, squares);
  }`;
  return {
    scalar: 'f32',
    blockVec4s: Math.max(
      block.lines * block.voxels * rowVec4s(tile.depth),
      shape.moments ? momentVec4s(tile) : 0,
    ),
    declarations: `var<workgroup> taps: array<vec4<f32>, ${shared}>;`,
    sums: `let rowGroup = lane / ${tile.channels / perThread}u;
  let columnGroup = lane % ${tile.channels / perThread}u * ${vectors.length}u;
  ${lines(rowsEach, (i) => `let at${i} = ${rowStart(shape, rowOf(i))};`)}
  ${reads.each((i) => `var weights${i} = w_t();`)}
  ${each((i, v) => `var sum${i}_${v} = vec4<f32>(0);`).join(' ')}`,
    weights: {
      read: (row) =>
        `{ ${reads.each((i, at) => reads.guarded(i, `weights${i} = w[(${row} + ${at} / ${columnVec4s}u) * p.weightVec4s + column + ${at} % ${columnVec4s}u];`))} }`,
      keep: reads.each((i, at) => reads.guarded(i, `taps[${at}] = vec4<f32>(weights${i});`)),
    },
    multiply: `for (var k = 0u; k < ${end(tile.depth / 4)}; k++) {
                ${lines(rowsEach, (i) => `let x${i} = block[at${i} + tap + k];`)}
                let b = (t * ${tile.depth}u + k * 4u) * ${columnVec4s}u + columnGroup;
                ${lines(
                  4,
                  (c) =>
                    `{ ${vectors.map((v) => `let b${v} = taps[b + ${c * columnVec4s + v}u];`).join(' ')}
                ${each((i, v) => `sum${i}_${v} = fma(vec4(x${i}[${c}]), b${v}, sum${i}_${v});`).join('\n                ')} }`,
                )}
              }`,
    finish: `var sums = array<vec4<f32>, ${rowsEach * vectors.length}>(${each((i, v) => `sum${i}_${v}`).join(', ')});
  for (var i = 0u; i < ${end(rowsEach * vectors.length)}; i++) {
    put(place, rowGroup + i / ${vectors.length}u * ${rows / rowsEach}u, (columnGroup + i % ${vectors.length}u) * 4u, sums[i]);
  }${shape.moments ? finishMoments : ''}`,
  };
}

/** Each subgroup keeps some fragments of rows × all columns; weights come from memory, fragment by fragment. */
function matrix(shape: TiledShape): Multiplier {
  const { tile, block, text, end } = shape;
  const inputVec4s = rowVec4s(tile.depth);
  const subgroups = tile.threads / LANES;
  const rowFragments = range((tile.lines * tile.width) / FRAGMENT / subgroups);
  const columnFragments = range(tile.channels / FRAGMENT);
  const columnVec4s = tile.channels / 4;
  const stage = FRAGMENT * columnVec4s;
  const rowOf = (f: number) => `((subgroup * ${rowFragments.length}u + ${f}u) * ${FRAGMENT}u)`;
  const left = (f: number) => ({
    name: `left${f}`,
    array: 'block',
    offset: `at${f} + tap + k * ${FRAGMENT / 4}u`,
    stride: `${inputVec4s}u`,
  });
  const right = (c: number) => ({
    name: `right${c}`,
    array: 'w',
    offset: `((row + t * ${tile.depth}u) / ${FRAGMENT}u + k) * p.weightVec4s * ${FRAGMENT}u + column * ${FRAGMENT}u + ${(c * FRAGMENT * FRAGMENT) / 4}u`,
    stride: `${FRAGMENT / 4}u`,
    transposed: true,
  });
  // A lane always meets the same column, whose number divides the lanes.
  const columnOfLane = `lane % ${columnVec4s}u`;
  const finishMoments = `
  workgroupBarrier();
  stage[lane * 2u] = momentSum;
  stage[lane * 2u + 1u] = momentSquares;
  workgroupBarrier();
  if (lane < ${columnVec4s}u) {
    var sum = vec4<f32>(0);
    var squares = vec4<f32>(0);
    for (var i = lane; i < ${tile.threads}u; i += ${columnVec4s}u) {
      sum += stage[i * 2u];
      squares += stage[i * 2u + 1u];
    }
    putMoments(place, lane * 4u, centre, sum, squares);
  }`;
  const put = (f: number) => `let row = ${rowOf(f)} + i / ${columnVec4s}u;
    let value = stage[subgroup * ${stage}u + i];
    put(place, row, i % ${columnVec4s}u * 4u, value);
    ${shape.moments ? addTo('momentSum', 'momentSquares', 'value', 'centre', 'row') : ''}`;
  return {
    scalar: 'f16',
    blockVec4s: block.lines * block.voxels * inputVec4s,
    declarations: `var<workgroup> stage: array<vec4<f32>, ${subgroups * stage}>;`,
    sums: `let subgroup = lane / ${LANES}u;
  ${rowFragments.map((f) => `let at${f} = ${rowStart(shape, rowOf(f))};`).join('\n  ')}
  ${rowFragments.flatMap((f) => columnFragments.map((c) => `var sum${f}_${c}: ${text.accumulator};`)).join(' ')}`,
    multiply: `for (var k = 0u; k < ${end(tile.depth / FRAGMENT)}; k++) {
                ${columnFragments.map((c) => text.load('right', right(c))).join('\n                ')}
                ${rowFragments
                  .map(
                    (f) => `{ ${text.load('left', left(f))}
                ${columnFragments.map((c) => text.multiplyAdd(`sum${f}_${c}`, left(f), right(c))).join('\n                ')} }`,
                  )
                  .join('\n                ')}
              }`,
    finish: `${shape.moments ? 'var momentSum = vec4<f32>(0); var momentSquares = vec4<f32>(0); var centre = vec4<f32>(0);' : ''}
  ${rowFragments
    .map(
      (f) => `workgroupBarrier();
  ${columnFragments.map((c) => text.store(`sum${f}_${c}`, 'stage', `subgroup * ${stage}u + ${(c * FRAGMENT) / 4}u`, `${columnVec4s}u`)).join('\n  ')}
  workgroupBarrier();
  ${shape.moments && f === 0 ? `centre = stage[${columnOfLane}];` : ''}
  for (var i = lane % ${LANES}u; i < ${stage}u; i += ${LANES}u) {
    ${put(f)}
  }`,
    )
    .join('\n  ')}${shape.moments ? finishMoments : ''}`,
  };
}
