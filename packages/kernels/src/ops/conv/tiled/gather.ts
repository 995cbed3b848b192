/**
 * The gather (see `geometry.ts`) as an implicit GEMM. A workgroup computes `lines` × `width` outputs of `channels`
 * channels. For each tap of D and each chunk of input channels it loads one block of inputs (see `block.ts`), which all
 * taps along H and W share, and multiplies it by those taps' weights; meanwhile the next block is on its way.
 *
 * Concatenated inputs are read where they lie. Inputs of any channels are loaded as they are (as wide as their
 * channels allow) and become f32 for `fma`, f16 for `matrix`.
 */
import type { Gpu } from '../../../device.ts';
import { i32, type Launch, prepare, u32 } from '../../../kernel.ts';
import { byteLength, elementCount, type Tensor } from '../../../tensor.ts';
import { viewOf } from '../../../views.ts';
import { range } from '../../wgsl.ts';
import { hasMatrices, rowVec4s } from '../choice/tile.ts';
import { counts, type GatherCall, gatherParams, placeOfSet, planesRead, slabs } from '../geometry.ts';
import { normParams, normRead } from '../inputNorm.ts';
import { blockOf, inputOfSlot, slotOfTap } from './block.ts';
import { multiplier, type TiledShape } from './gatherMultiply.ts';
import { matrixText } from './matrix.ts';
import { putFunctions } from './put.ts';
import {
  bindingOf,
  channelsOf,
  GROUP_INDEX,
  keepFunction,
  loopEnd,
  rawType,
  readFunction,
  readingOf,
  shareReads,
  WORKGROUP_IDS,
} from './text.ts';
import type { TiledWeights } from './weights.ts';

export interface TiledOptions {
  /** The output holds so many batches, one behind the other: shares of the sum, yet to be added. */
  readonly splits?: number;
  /** f32 [N, momentStrips, C, 3], see `moments.ts`: those of each tile's outputs; only where all is bound whole. */
  readonly moments?: Tensor;
}

export function tiledGather(
  gpu: Gpu,
  call: GatherCall,
  weights: TiledWeights,
  { splits = 1, moments }: TiledOptions = {},
): Launch[] {
  const ranges = slabs(gpu, call.inputs, call.output, weights.geometry);
  const items = call.inputs[0]!.shape[0]!;
  if (fitsBindings(gpu, ...call.inputs, call.output)) {
    return [gatherSlab(gpu, call, weights, { n: 0, items, splits, moments, slab: ranges[0]! })];
  }
  return range(items).flatMap((n) =>
    ranges.map((slab) =>
      gatherSlab(gpu, call, weights, { n, items: 1, splits: 1, moments: undefined, slab }),
    ),
  );
}

/** Tiles of an output's item: each gives the moments of its voxels. */
export function momentStrips({ shape }: Tensor, { geometry, tile }: TiledWeights): number {
  const [d, h, w] = counts(shape, geometry);
  return d * Math.ceil(h / tile.lines) * Math.ceil(w / tile.width);
}

export const fitsBindings = (gpu: Gpu, ...tensors: Tensor[]): boolean =>
  tensors.every(({ shape, dtype }) => byteLength(shape, dtype) <= gpu.maxBindingBytes);

interface Part {
  /** The first batch item and their number; more than one where tensors are bound whole. */
  readonly n: number;
  readonly items: number;
  readonly splits: number;
  readonly moments: Tensor | undefined;
  /** Outputs j along D. */
  readonly slab: readonly [number, number];
}

function gatherSlab(
  gpu: Gpu,
  call: GatherCall,
  weights: TiledWeights,
  { n, items, splits, moments, slab }: Part,
) {
  const { inputs, output, bias, norm } = call;
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
    if (items * splits > 1) return { ...viewOf(t, 0, elementCount(t.shape)), first: 0 };
    return { ...viewOf(t, (n * d + first) * h * w * c, (n * d + end) * h * w * c), first: first * h * w * c };
  };
  const x = inputs.map((input) => planes(input, inFirst, inEnd));
  const y = planes(output, outFirst, outEnd);
  const vecOut = channels % 4 === 0;
  const reading = readingOf(inputs, tile.kernel === 'matrix' ? 'f16' : 'f32');
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
      ...Object.fromEntries(x.map((view, i) => [`x${i}`, { ...view, ...bindingOf(reading) }])),
      w: { tensor, start: 0, count: tensor.shape[0]! * tensor.shape[1]!, vec4: true },
      ...(bias && { bias }),
      ...normRead(norm, reading > 1),
    },
    write: { y: { ...y, vec4: vecOut }, ...(moments && { moments }) },
    params: {
      groups: u32(groups),
      columnTiles: u32(tiles[0]!),
      widthTiles: u32(tiles[1]!),
      heightTiles: u32(tiles[2]!),
      firstItem: u32(n),
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
      ...normParams(norm),
    },
    directives: tile.kernel === 'matrix' ? text.directives : [],
    code: tiledCode({
      tile,
      block: blockOf(tile.lines, tile.width, g.taps, g.inStride),
      text,
      reading,
      stored: inputs[0]!.dtype as 'f32' | 'f16',
      inputs: inputs.length,
      vecOut,
      bias: Boolean(bias),
      isNormed: norm !== undefined,
      moments: moments !== undefined,
      tapsH: g.taps[1],
      tapsW: g.taps[2],
      strideH: g.inStride[1],
      strideW: g.inStride[2],
      end: loopEnd(gpu),
    }),
    workgroupSize: tile.threads,
    invocations: groups * tile.threads,
  });
}

function tiledCode(shape: TiledShape): string {
  const { tile, block, reading, stored, isNormed, end } = shape;
  const { tapsH, tapsW, strideH, strideW } = shape;
  const m = multiplier(shape);
  const inputs = range(shape.inputs);
  const byInput = (name: string) =>
    inputs.length === 1 ? `p.${name}0` : `select(p.${name}1, p.${name}0, input == 0u)`;
  const each = channelsOf(reading);
  const slots = block.lines * block.voxels;
  const reads = shareReads(tile.threads, slots, tile.depth / each);
  const voxelVec4s = rowVec4s(tile.depth);
  const readBlock = (step: string) => `{
        let d = firstD + i32(tapFirst + (${step}) / chunks);
        let c = (${step}) % chunks * ${tile.depth}u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        ${reads.each((i) => `raw${i} = readAt(input, plane + place${i} * i32(channels), place${i} >= 0 && c < channels, c);`)}
      }`;
  // Of the weights, where those of a step's tap along H begin.
  const weightRow = (step: string, th: string) =>
    `(rows + ((tapFirst * chunks + ${step}) * ${tapsH}u + ${th}) * ${tapsW * tile.depth}u)`;
  return `
var<workgroup> block: array<vec4<${m.scalar}>, ${m.blockVec4s}>;
${m.declarations}

${inputs
  .map((i) => readFunction({ name: `read${i}`, array: `x${i}`, channels: `p.channels${i}`, reading, stored }))
  .join('\n')}
${keepFunction({ name: 'keep', array: 'block', channels: 'p.channels0', reading, stored, scalar: m.scalar, isNormed })}

fn readAt(input: u32, at: i32, isInside: bool, c: u32) -> ${rawType(reading, stored)} {
  var raw = ${rawType(reading, stored)}(0);
  if (isInside) { ${inputs.length === 1 ? 'raw = read0(u32(at), c);' : 'if (input == 0u) { raw = read0(u32(at), c); } else { raw = read1(u32(at), c); }'} }
  return raw;
}

// Voxels from the begin of a plane to the input of a slot; negative where it lies outside.
fn placeOf(slot: u32, h0: u32, w0: u32) -> i32 {
  let line = slot / ${block.voxels}u;
  let h = i32((h0 + line / ${block.lineStep}u) * ${strideH}u + line % ${block.lineStep}u) + p.baseH;
  let w = ${inputOfSlot(`(slot % ${block.voxels}u)`, 'w0', block, strideW)};
  return select(-1, h * p.inWidth + w, slot < ${slots}u && h >= 0 && h < p.inHeight && w >= 0 && w < p.inWidth);
}

${putFunctions(shape)}

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

  let c0 = lane % ${reads.perSlot}u * ${each}u;
  ${reads.each((i, slot) => `let place${i} = placeOf(${slot}, h0, w0);`)}
  ${reads.each((i) => `var raw${i} = ${rawType(reading, stored)}(0);`)}
  // Taps along D that meet the volume.
  let firstD = i32(d0) * p.inStrideD + p.baseD;
  let tapFirst = u32(max(0, -firstD));
  let tapEnd = u32(clamp(p.inDepth - firstD, i32(tapFirst), max(i32(p.tapsD), i32(tapFirst))));
  var rows = 0u; // of the weights, before those of this input
  for (var input = 0u; input < ${end(inputs.length)}; input++) {
    let channels = ${byInput('channels')};
    let shift = ${byInput('shift')} + i32(n) * p.inDepth * p.inHeight * p.inWidth * i32(channels);
    let chunks = (channels + ${tile.depth - 1}u) / ${tile.depth}u;
    let steps = (tapEnd - tapFirst) * chunks;
    if (split < steps) {
      ${readBlock('split')}
      ${m.weights ? m.weights.read(weightRow('split', '0u')) : ''}
    }
    for (var step = split; step < steps; step += p.splits) {
      let c = step % chunks * ${tile.depth}u + c0;
      ${isNormed ? 'let norm = normAt(p.firstItem + n, c);' : ''}
      workgroupBarrier();
      ${reads.each((i, slot) => reads.guarded(i, `keep(${slot} * ${voxelVec4s}u + c0 / 4u, raw${i}, place${i} >= 0 && c < channels${isNormed ? ', norm' : ''});`))}
      ${m.weights?.keep ?? ''}
      workgroupBarrier();
      if (step + p.splits < steps) ${readBlock('step + p.splits')}
      for (var th = 0u; th < ${end(tapsH)}; th++) {
        let row = ${weightRow('step', 'th')};
        ${
          m.weights
            ? `if (th > 0u) {
          workgroupBarrier();
          ${m.weights.keep}
          workgroupBarrier();
        }
        if (th + 1u < ${tapsH}u) ${m.weights.read(`(row + ${tapsW * tile.depth}u)`)}
        else if (step + p.splits < steps) ${m.weights.read(weightRow('step + p.splits', '0u'))}`
            : ''
        }
        for (var t = 0u; t < ${end(tapsW)}; t++) {
          let tap = (th * ${block.voxels}u + ${slotOfTap('t', block, strideW)}) * ${voxelVec4s}u;
          ${m.multiply}
        }
      }
    }
    rows += p.tapsD * chunks * ${tapsH * tapsW * tile.depth}u;
  }

  let outSet = columnTile * ${tile.channels}u / p.columns;
  let offset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW)
    + ${placeOfSet('outSet')};
  let first = u32(p.outShift + i32(item * p.outDepth * p.outHeight * p.outWidth * p.outChannels))
    + (((d0 * p.outStrideD + offset.x) * p.outHeight + offset.y) * p.outWidth + offset.z) * p.outChannels;
  let place = Place(first, h0, w0, columnTile * ${tile.channels}u % p.columns, group / p.columnTiles);
  ${m.finish}
}`;
}
