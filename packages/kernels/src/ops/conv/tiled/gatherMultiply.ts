/**
 * Who multiplies in a tiled gather (see `gatherCode.ts`): a workgroup's invocations by `fma`, or its subgroups by
 * matrices. Both keep their sums in registers and hand them out at the end, four channels of a row at a time.
 *
 * A row is an output of the tile, counted along W, then along H; a column is an output channel.
 */
import { lines, range } from '../../wgsl.ts';
import type { SharedTile } from '../choice/problem.ts';
import type { Block } from './block.ts';
import { type Reading, shareReads } from './load.ts';
import { FRAGMENT, LANES, type MatrixText } from './matrix.ts';
import { rowVec4s, type SharedArray, sumsPerThread } from './memory.ts';
import { over, plus, times } from './text.ts';

/** All that shapes the code. */
export interface GatherShape {
  readonly tile: SharedTile;
  readonly block: Block;
  readonly memory: readonly SharedArray[];
  readonly text: MatrixText;
  /** How every input is read. */
  readonly reading: Reading;
  /** What inputs are stored in. */
  readonly stored: 'f32' | 'f16';
  /** The number of inputs: 1 or 2. */
  readonly inputs: number;
  /** Whether outputs are bound as vec4s. */
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

/** WGSL expressions of one tap along H and W. */
export interface Tap {
  /** The vec4 of `block` where the inputs of the tile's first output begin, for this tap. */
  readonly inputs: string;
  /** The tap along W. */
  readonly t: string;
  /** The row of the packed weights where those of the first tap along W begin. */
  readonly row: string;
}

/**
 * The statements of a multiplier, in `main`. Beside what they are given they see `lane`, the invocation's number in the
 * workgroup; `column`, the vec4 of a row of the packed weights where the tile's begin; and what `declare` declares.
 */
export interface GatherMultiplier {
  /** What tiles are held in. */
  readonly scalar: 'f32' | 'f16';
  /** Functions that the statements call. */
  readonly functions: string;
  /** Declares the invocation's sums, which are 0, and where its rows begin in `block`. */
  readonly declare: string;
  /**
   * Where weights are shared in workgroup memory, those of one tap along H at a time: `read` reads them into registers
   * from a row of the packed weights on, `keep` writes the registers to `taps`.
   */
  readonly weights?: { read(row: string): string; readonly keep: string };
  /** Adds the products of a tap and `depth` input channels to the sums. */
  multiply(tap: Tap): string;
  /** Hands the sums to `put`, and with moments their moments to `putMoments`, for these `outputs` (see `put.ts`). */
  finish(outputs: string): string;
}

export const gatherMultiplier = (shape: GatherShape): GatherMultiplier =>
  shape.tile.kernel === 'fma' ? fma(shape) : matrix(shape);

/** WGSL: the vec4 of `block` where the inputs of a row begin, for the first taps. */
const startFunction = ({ tile, block }: GatherShape) => `
fn startOf(row: u32) -> u32 {
  return (row / ${tile.width}u * ${block.lineStep * block.voxels}u + row % ${tile.width}u) * ${rowVec4s(tile.depth)}u;
}`;

/** Each invocation keeps some rows × 4 or 8 columns. */
function fma(shape: GatherShape): GatherMultiplier {
  const { tile, tapsW, end } = shape;
  const [rowsEach, perThread] = sumsPerThread(tile);
  const rowGroups = (tile.lines * tile.width) / rowsEach;
  const vectors = range(perThread / 4);
  const columnVec4s = tile.channels / 4;
  const shared = tapsW * tile.depth * columnVec4s;
  const reads = shareReads(tile.threads, shared, 1);
  const each = <T>(f: (i: number, v: number) => T): T[] =>
    range(rowsEach).flatMap((i) => vectors.map((v) => f(i, v)));
  const rowOf = (i: string) => `rowOf(rowGroup, ${i})`;
  const columnOf = (v: number) => plus('columnGroup', v);
  // Moments are joined in the block, which nobody reads any more: sums and squares, then the centres.
  const centres = 2 * rowGroups * columnVec4s;
  const finishMoments = (outputs: string) => `
  workgroupBarrier();
  if (rowGroup == 0u) { ${vectors.map((v) => `block[${plus(columnOf(v), centres)}] = sum0_${v};`).join(' ')} }
  workgroupBarrier();
  ${vectors
    .map(
      (v) => `{
    let centre = block[${plus(columnOf(v), centres)}];
    var spread = Spread();
    ${lines(rowsEach, (i) => `spread = withValue(spread, sum${i}_${v}, centre, isInside(${outputs}, ${rowOf(`${i}u`)}));`)}
    let at = (rowGroup * ${columnVec4s}u + ${columnOf(v)}) * 2u;
    block[at] = spread.sum;
    block[at + 1u] = spread.squares;
  }`,
    )
    .join('\n  ')}
  workgroupBarrier();
  for (var c = lane; c < ${columnVec4s}u; c += ${tile.threads}u) {
    var spread = Spread();
    for (var g = 0u; g < ${end(rowGroups)}; g++) {
      let at = (g * ${columnVec4s}u + c) * 2u;
      spread.sum += block[at];
      spread.squares += block[at + 1u];
    }
    putMoments(${outputs}, c * 4u, block[${plus('c', centres)}], spread);
  }`;
  return {
    scalar: 'f32',
    functions: `${startFunction(shape)}

// The row of an invocation's i-th sums.
fn rowOf(rowGroup: u32, i: u32) -> u32 { return rowGroup + i * ${rowGroups}u; }

// Four of the weights of a tap along H, which begin at \`row\` and, in vec4s, at \`column\`; \`slot\` counts them row by row.
fn weightsAt(row: u32, column: u32, slot: u32) -> w_t {
  return w[(row + slot / ${columnVec4s}u) * p.weightVec4s + column + slot % ${columnVec4s}u];
}`,
    declare: `let rowGroup = lane / ${tile.channels / perThread}u;
  let columnGroup = ${times(`lane % ${tile.channels / perThread}u`, vectors.length)};
  ${lines(rowsEach, (i) => `let start${i} = startOf(${rowOf(`${i}u`)});`)}
  ${reads.each((i) => `var weights${i} = w_t();`)}
  ${each((i, v) => `var sum${i}_${v} = vec4<f32>(0);`).join(' ')}`,
    weights: {
      read: (row) =>
        `{ ${reads.each((i, slot) => reads.guarded(i, `weights${i} = weightsAt(${row}, column, ${slot});`))} }`,
      keep: reads.each((i, slot) => reads.guarded(i, `taps[${slot}] = vec4<f32>(weights${i});`)),
    },
    multiply: ({ inputs, t }) => `for (var k = 0u; k < ${end(tile.depth / 4)}; k++) {
                ${lines(rowsEach, (i) => `let x${i} = block[start${i} + ${inputs} + k];`)}
                let b = (${t} * ${tile.depth}u + k * 4u) * ${columnVec4s}u + columnGroup;
                ${lines(
                  4,
                  (c) =>
                    `{ ${vectors.map((v) => `let b${v} = taps[b + ${c * columnVec4s + v}u];`).join(' ')}
                ${each((i, v) => `sum${i}_${v} = fma(vec4(x${i}[${c}]), b${v}, sum${i}_${v});`).join('\n                ')} }`,
                )}
              }`,
    finish: (
      outputs,
    ) => `var sums = array<vec4<f32>, ${rowsEach * vectors.length}>(${each((i, v) => `sum${i}_${v}`).join(', ')});
  for (var i = 0u; i < ${end(rowsEach * vectors.length)}; i++) {
    put(${outputs}, ${rowOf(over('i', vectors.length))}, (columnGroup + i % ${vectors.length}u) * 4u, sums[i]);
  }${shape.moments ? finishMoments(outputs) : ''}`,
  };
}

/** Each subgroup keeps some fragments of rows × all columns; weights come from memory, fragment by fragment. */
function matrix(shape: GatherShape): GatherMultiplier {
  const { tile, text, moments, end } = shape;
  const inputVec4s = rowVec4s(tile.depth);
  const subgroups = tile.threads / LANES;
  const rowFragments = range((tile.lines * tile.width) / FRAGMENT / subgroups);
  const columnFragments = range(tile.channels / FRAGMENT);
  const columnVec4s = tile.channels / 4;
  const stagedVec4s = FRAGMENT * columnVec4s;
  const rowOf = (f: number) => plus(`subgroup * ${rowFragments.length * FRAGMENT}u`, f * FRAGMENT);
  const left = (f: number, { inputs }: Tap) => ({
    name: `left${f}`,
    array: 'block',
    offset: `start${f} + ${inputs} + k * ${FRAGMENT / 4}u`,
    stride: `${inputVec4s}u`,
  });
  const right = (c: number, { row, t }: Tap) => ({
    name: `right${c}`,
    array: 'w',
    offset: `((${row} + ${t} * ${tile.depth}u) / ${FRAGMENT}u + k) * p.weightVec4s * ${FRAGMENT}u + column * ${FRAGMENT}u + ${(c * FRAGMENT * FRAGMENT) / 4}u`,
    stride: `${FRAGMENT / 4}u`,
    transposed: true,
  });
  const finishMoments = (outputs: string) => `
  workgroupBarrier();
  staged[lane * 2u] = spread.sum;
  staged[lane * 2u + 1u] = spread.squares;
  workgroupBarrier();
  if (lane < ${columnVec4s}u) {
    var total = Spread();
    for (var i = lane; i < ${tile.threads}u; i += ${columnVec4s}u) {
      total.sum += staged[i * 2u];
      total.squares += staged[i * 2u + 1u];
    }
    putMoments(${outputs}, lane * 4u, centre, total);
  }`;
  return {
    scalar: 'f16',
    functions: startFunction(shape),
    declare: `let subgroup = lane / ${LANES}u;
  ${rowFragments.map((f) => `let start${f} = startOf(${rowOf(f)});`).join('\n  ')}
  ${rowFragments.flatMap((f) => columnFragments.map((c) => `var sum${f}_${c}: ${text.accumulator};`)).join(' ')}`,
    multiply: (tap) => `for (var k = 0u; k < ${end(tile.depth / FRAGMENT)}; k++) {
                ${columnFragments.map((c) => text.load('right', right(c, tap))).join('\n                ')}
                ${rowFragments
                  .map(
                    (f) => `{ ${text.load('left', left(f, tap))}
                ${columnFragments.map((c) => text.multiplyAdd(`sum${f}_${c}`, left(f, tap), right(c, tap))).join('\n                ')} }`,
                  )
                  .join('\n                ')}
              }`,
    // The columns divide the lanes: whatever the row, a lane meets the same column.
    finish: (outputs) => `${moments ? 'var spread = Spread(); var centre = vec4<f32>(0);' : ''}
  ${rowFragments
    .map(
      (f) => `workgroupBarrier();
  ${columnFragments.map((c) => text.store(`sum${f}_${c}`, 'staged', `subgroup * ${stagedVec4s}u + ${(c * FRAGMENT) / 4}u`, `${columnVec4s}u`)).join('\n  ')}
  workgroupBarrier();
  ${moments && f === 0 ? `centre = staged[lane % ${columnVec4s}u];` : ''}
  for (var i = lane % ${LANES}u; i < ${stagedVec4s}u; i += ${LANES}u) {
    let row = ${rowOf(f)} + i / ${columnVec4s}u;
    let value = staged[subgroup * ${stagedVec4s}u + i];
    put(${outputs}, row, i % ${columnVec4s}u * 4u, value);
    ${moments ? `spread = withValue(spread, value, centre, isInside(${outputs}, row));` : ''}
  }`,
    )
    .join('\n  ')}${moments ? finishMoments(outputs) : ''}`,
  };
}
