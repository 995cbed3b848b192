/**
 * The gather (see `geometry.ts`) as an implicit GEMM. A workgroup computes `lines` × `width` outputs of `channels`
 * channels. For each tap of D and H, each residue along W and each chunk of input channels it loads one strip of
 * inputs, which all taps along W share, and multiplies it by those taps' weights.
 *
 * Concatenated inputs are read where they lie. Inputs of any channels are loaded as they are (vec4 where their
 * channels allow it) and become f32 for `fma`, f16 for `matrix`.
 */
import type { Gpu } from '../../device.ts';
import { i32, type Launch, prepare, u32 } from '../../kernel.ts';
import { byteLength, elementCount, type Tensor } from '../../tensor.ts';
import { window } from '../../windows.ts';
import { lines, range } from '../wgsl.ts';
import { counts, type GatherCall, gatherParams, placeOfSet, planesRead, slabs } from './geometry.ts';
import { FRAGMENT, LANES, type MatrixText, matrixText } from './matrix.ts';
import { haloOf, residueConstants, residues } from './residues.ts';
import { hasMatrices, PAD, type SharedTile } from './tile.ts';
import { fetchFunction, GROUP_INDEX, loopEnd, WORKGROUP_IDS } from './tiledText.ts';
import type { TiledWeights } from './tiledWeights.ts';

/** With `splits`, the output holds that many batches, one behind the other: shares of the sum, yet to be added. */
export function tiledGather(gpu: Gpu, call: GatherCall, weights: TiledWeights, splits = 1): Launch[] {
  const ranges = slabs(gpu, call.inputs, call.output, weights.geometry);
  const items = call.inputs[0]!.shape[0]!;
  if (fitsBindings(gpu, ...call.inputs, call.output)) {
    return [gatherSlab(gpu, call, weights, { n: 0, items, splits, slab: ranges[0]! })];
  }
  return range(items).flatMap((n) =>
    ranges.map((slab) => gatherSlab(gpu, call, weights, { n, items: 1, splits: 1, slab })),
  );
}

export const fitsBindings = (gpu: Gpu, ...tensors: Tensor[]): boolean =>
  tensors.every(({ shape, dtype }) => byteLength(shape, dtype) <= gpu.maxBindingBytes);

interface Part {
  /** The first batch item and their number; more than one where tensors are bound whole. */
  readonly n: number;
  readonly items: number;
  readonly splits: number;
  /** Outputs j along D. */
  readonly slab: readonly [number, number];
}

function gatherSlab(gpu: Gpu, call: GatherCall, weights: TiledWeights, { n, items, splits, slab }: Part) {
  const { inputs, output, bias } = call;
  const { geometry: g, tile, columns, tensor } = weights;
  const [depth, channels] = [output.shape[1]!, output.shape[4]!];
  const [j0, j1] = slab;
  const [, countH, countW] = counts(output.shape, g);
  const [inFirst, inEnd] = planesRead(g, inputs[0]!.shape[1]!, slab);
  const lastSet = g.outOffsets.at(-1)!;
  const outFirst = j0 * g.outStride[0] + g.outOffsets[0]![0];
  const outEnd = (j1 - 1) * g.outStride[0] + lastSet[0] + 1;
  const planes = (t: Tensor, first: number, end: number) => {
    const [, d, h, w, c] = t.shape as [number, number, number, number, number];
    if (items * splits > 1) return { ...window(t, 0, elementCount(t.shape)), first: 0 };
    return { ...window(t, (n * d + first) * h * w * c, (n * d + end) * h * w * c), first: first * h * w * c };
  };
  const x = inputs.map((input) => planes(input, inFirst, inEnd));
  const y = planes(output, outFirst, outEnd);
  const vecOut = channels % 4 === 0;
  const vecIn = inputs.map((input) => input.shape[4]! % 4 === 0);
  const tiles = [
    (columns / tile.channels) * g.outOffsets.length,
    Math.ceil(countW / tile.width),
    Math.ceil(countH / tile.lines),
    j1 - j0,
    items,
    splits,
  ];
  const groups = tiles.reduce((a, b) => a * b, 1);
  const text = matrixText(hasMatrices(gpu));
  return prepare(gpu, {
    name: call.name,
    read: {
      ...Object.fromEntries(x.map((view, i) => [`x${i}`, { ...view, vec4: vecIn[i]! }])),
      w: { tensor, start: 0, count: tensor.shape[0]! * tensor.shape[1]!, vec4: true },
      ...(bias && { bias }),
    },
    write: { y: { ...y, vec4: vecOut } },
    params: {
      groups: u32(groups),
      columnTiles: u32(tiles[0]!),
      widthTiles: u32(tiles[1]!),
      heightTiles: u32(tiles[2]!),
      items: u32(items),
      splits: u32(splits),
      ...gatherParams(g, inputs[0]!, output, slab, g.outOffsets[0]!),
      ...Object.fromEntries(
        x.flatMap((view, i) => [
          [`channels${i}`, u32(inputs[i]!.shape[4]!)],
          // Where voxel (n, 0, 0, 0) lies, counted from the binding's begin.
          [`shift${i}`, i32(view.shift - view.first)],
        ]),
      ),
      weightVec4s: u32(tensor.shape[1]! / 4),
      columns: u32(columns),
      sets: u32(g.outOffsets.length),
      outDepth: u32(depth),
      outShift: i32(y.shift - y.first),
      accumulate: u32(call.accumulate ? 1 : 0),
    },
    directives: tile.kernel === 'matrix' ? text.directives : [],
    code: tiledCode({
      tile,
      text,
      vecIn,
      vecOut,
      bias: Boolean(bias),
      tapsW: g.taps[2],
      strideW: g.inStride[2],
      end: loopEnd(gpu),
    }),
    workgroupSize: tile.threads,
    invocations: groups * tile.threads,
  });
}

interface TiledShape {
  readonly tile: SharedTile;
  readonly text: MatrixText;
  /** Which inputs are bound as vec4. */
  readonly vecIn: readonly boolean[];
  readonly vecOut: boolean;
  readonly bias: boolean;
  readonly tapsW: number;
  readonly strideW: number;
  /** The end of a short loop. */
  end(n: number): string;
}

/** What multiplies: declarations, sums before the loop, one strip's products, and the way out. */
interface Multiplier {
  readonly scalar: 'f32' | 'f16';
  readonly declarations: string;
  readonly sums: string;
  readonly loadWeights: string;
  readonly multiply: string;
  readonly finish: string;
}

function tiledCode(shape: TiledShape): string {
  const { tile, vecIn, vecOut, bias, tapsW, strideW, end } = shape;
  const parts = residues(tapsW, strideW);
  const strip = tile.width + haloOf(parts);
  const vec4s = tile.depth / 4;
  const rowVec4s = (tile.depth + PAD) / 4;
  const m = tile.kernel === 'fma' ? fma(shape, strip, rowVec4s) : matrix(shape, strip, rowVec4s);
  const inputs = range(vecIn.length);
  const byInput = (name: string) =>
    inputs.length === 1 ? `p.${name}0` : `select(p.${name}1, p.${name}0, input == 0u)`;
  return `
${residueConstants(parts)}
var<workgroup> strip: array<vec4<${m.scalar}>, ${tile.lines * strip * rowVec4s}>;
${m.declarations}

${inputs.map((i) => fetchFunction(`fetch${i}`, `x${i}`, `p.channels${i}`, m.scalar, vecIn[i]!)).join('\n')}

struct Place { first: u32, h: u32, w: u32, channel: u32 }

// Writes four channels of output \`row\` of the tile.
fn put(place: Place, row: u32, column: u32, sum: vec4<f32>) {
  let h = place.h + row / ${tile.width}u;
  let w = place.w + row % ${tile.width}u;
  let c = place.channel + column;
  if (h >= p.countH || w >= p.countW || c >= p.outChannels) { return; }
  let at = place.first + (h * p.outStrideH * p.outWidth + w * p.outStrideW) * p.outChannels + c;
  ${
    vecOut
      ? `var value = sum;
  ${bias ? 'value += vec4(bias[c], bias[c + 1u], bias[c + 2u], bias[c + 3u]);' : ''}
  if (p.accumulate != 0u) { value += vec4<f32>(y[at / 4u]); }
  y[at / 4u] = y_t(value);`
      : `for (var k = 0u; k < min(4u, p.outChannels - c); k++) {
    var value = sum[k];
    ${bias ? 'value += bias[c + k];' : ''}
    if (p.accumulate != 0u) { value += f32(y[at + k]); }
    y[at + k] = y_t(value);
  }`
  }
}

@compute @workgroup_size(${tile.threads}) fn main(${WORKGROUP_IDS}) {
  let group = ${GROUP_INDEX};
  if (group >= p.groups) { return; }
  let columnTile = group % p.columnTiles;
  let w0 = group / p.columnTiles % p.widthTiles * ${tile.width}u;
  let h0 = group / (p.columnTiles * p.widthTiles) % p.heightTiles * ${tile.lines}u;
  let plane = group / (p.columnTiles * p.widthTiles * p.heightTiles);
  let d0 = plane % p.countD + p.firstD;
  let item = plane / p.countD; // of the output, whose batches are shares of the sum
  let n = item % p.items;
  let split = item / p.items;
  let column = columnTile * ${tile.channels / 4}u;
  ${m.sums}

  var rows = 0u; // of the weights, before those of this line of taps
  for (var input = 0u; input < ${end(inputs.length)}; input++) {
    let channels = ${byInput('channels')};
    let shift = ${byInput('shift')} + i32(n) * p.inDepth * p.inHeight * p.inWidth * i32(channels);
    let chunks = (channels + ${tile.depth - 1}u) / ${tile.depth}u;
    for (var td = 0u; td < p.tapsD; td++) {
      let d = i32(d0) * p.inStrideD + p.baseD + i32(td);
      for (var th = 0u; th < p.tapsH; th++) {
        var first = rows;
        rows += ${tapsW * tile.depth}u * chunks;
        if (d < 0 || d >= p.inDepth) { continue; }
        for (var r = 0u; r < ${end(parts.length)}; r++) {
          let places = PLACES[r];
          let base = p.baseW + i32(w0 * ${strideW}u + RESIDUE[r]);
          for (var chunk = split; chunk < chunks; chunk += p.splits) {
            let row = first + chunk * places * ${tile.depth}u;
            workgroupBarrier();
            for (var i = lane; i < ${tile.lines * strip * vec4s}u; i += ${tile.threads}u) {
              let voxel = i / ${vec4s}u;
              let c = chunk * ${tile.depth}u + i % ${vec4s}u * 4u;
              let h = i32(h0 + voxel / ${strip}u) * p.inStrideH + p.baseH + i32(th);
              let w = base + i32(voxel % ${strip}u * ${strideW}u);
              var value = vec4<${m.scalar}>(0);
              if (h >= 0 && h < p.inHeight && w >= 0 && w < p.inWidth) {
                let at = u32(shift + ((d * p.inHeight + h) * p.inWidth + w) * i32(channels));
                ${inputs.length === 1 ? 'value = fetch0(at, c);' : 'if (input == 0u) { value = fetch0(at, c); } else { value = fetch1(at, c); }'}
              }
              strip[voxel * ${rowVec4s}u + i % ${vec4s}u] = value;
            }
            ${m.loadWeights}
            workgroupBarrier();
            for (var t = 0u; t < places; t++) {
              ${m.multiply}
            }
          }
          first += chunks * places * ${tile.depth}u;
        }
      }
    }
  }

  let outSet = columnTile * ${tile.channels}u / p.columns;
  let offset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW)
    + ${placeOfSet('outSet')};
  let first = u32(p.outShift + i32(item * p.outDepth * p.outHeight * p.outWidth * p.outChannels))
    + (((d0 * p.outStrideD + offset.x) * p.outHeight + offset.y) * p.outWidth + offset.z) * p.outChannels;
  let place = Place(first, h0, w0, columnTile * ${tile.channels}u % p.columns);
  ${m.finish}
}`;
}

/** Each invocation keeps some rows × 4 or 8 columns. */
function fma({ tile, tapsW, strideW, end }: TiledShape, strip: number, rowVec4s: number): Multiplier {
  const rows = tile.lines * tile.width;
  const rowsEach = tile.voxelsPerThread ?? 8;
  const perThread = (rows * tile.channels) / (rowsEach * tile.threads);
  const vectors = range(perThread / 4);
  const columnVec4s = tile.channels / 4;
  const places = haloOf(residues(tapsW, strideW)) + 1;
  const each = <T>(f: (i: number, v: number) => T): T[] =>
    range(rowsEach).flatMap((i) => vectors.map((v) => f(i, v)));
  const rowOf = (i: number) => `(rowGroup + ${(i * rows) / rowsEach}u)`;
  return {
    scalar: 'f32',
    declarations: `var<workgroup> taps: array<vec4<f32>, ${places * tile.depth * columnVec4s}>;`,
    sums: `let rowGroup = lane / ${tile.channels / perThread}u;
  let columnGroup = lane % ${tile.channels / perThread}u * ${vectors.length}u;
  ${lines(rowsEach, (i) => `let at${i} = (${rowOf(i)} / ${tile.width}u * ${strip}u + ${rowOf(i)} % ${tile.width}u) * ${rowVec4s}u;`)}
  ${each((i, v) => `var sum${i}_${v} = vec4<f32>(0);`).join(' ')}`,
    loadWeights: `for (var i = lane; i < places * ${tile.depth * columnVec4s}u; i += ${tile.threads}u) {
              taps[i] = vec4<f32>(w[(row + i / ${columnVec4s}u) * p.weightVec4s + column + i % ${columnVec4s}u]);
            }`,
    multiply: `for (var k = 0u; k < ${end(tile.depth / 4)}; k++) {
                ${lines(rowsEach, (i) => `let x${i} = strip[at${i} + t * ${rowVec4s}u + k];`)}
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
  }`,
  };
}

/** Each subgroup keeps some fragments of rows × all columns; weights come from memory. */
function matrix({ tile, text, end }: TiledShape, strip: number, rowVec4s: number): Multiplier {
  const subgroups = tile.threads / LANES;
  const rowFragments = range((tile.lines * tile.width) / FRAGMENT / subgroups);
  const columnFragments = range(tile.channels / FRAGMENT);
  const columnVec4s = tile.channels / 4;
  const stage = FRAGMENT * columnVec4s;
  const rowOf = (f: number) => `((subgroup * ${rowFragments.length}u + ${f}u) * ${FRAGMENT}u)`;
  const left = (f: number) => ({
    name: `left${f}`,
    array: 'strip',
    offset: `at${f} + t * ${rowVec4s}u + k * ${FRAGMENT / 4}u`,
    stride: `${rowVec4s}u`,
  });
  const right = (c: number) => ({
    name: `right${c}`,
    array: 'w',
    offset: `(row + t * ${tile.depth}u + k * ${FRAGMENT}u) * p.weightVec4s + column + ${(c * FRAGMENT) / 4}u`,
    stride: 'p.weightVec4s',
  });
  return {
    scalar: 'f16',
    declarations: `var<workgroup> stage: array<vec4<f32>, ${subgroups * stage}>;`,
    sums: `let subgroup = lane / ${LANES}u;
  ${rowFragments.map((f) => `let at${f} = (${rowOf(f)} / ${tile.width}u * ${strip}u + ${rowOf(f)} % ${tile.width}u) * ${rowVec4s}u;`).join('\n  ')}
  ${rowFragments.flatMap((f) => columnFragments.map((c) => `var sum${f}_${c}: ${text.accumulator};`)).join(' ')}`,
    loadWeights: '',
    multiply: `for (var k = 0u; k < ${end(tile.depth / FRAGMENT)}; k++) {
                ${columnFragments.map((c) => text.load('right', right(c))).join('\n                ')}
                ${rowFragments
                  .map(
                    (f) => `{ ${text.load('left', left(f))}
                ${columnFragments.map((c) => text.multiplyAdd(`sum${f}_${c}`, left(f), right(c))).join('\n                ')} }`,
                  )
                  .join('\n                ')}
              }`,
    finish: rowFragments
      .map(
        (f) => `workgroupBarrier();
  ${columnFragments.map((c) => text.store(`sum${f}_${c}`, 'stage', `subgroup * ${stage}u + ${(c * FRAGMENT) / 4}u`, `${columnVec4s}u`)).join('\n  ')}
  workgroupBarrier();
  for (var i = lane % ${LANES}u; i < ${stage}u; i += ${LANES}u) {
    put(place, ${rowOf(f)} + i / ${columnVec4s}u, i % ${columnVec4s}u * 4u, stage[subgroup * ${stage}u + i]);
  }`,
      )
      .join('\n  '),
  };
}
