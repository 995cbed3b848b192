/**
 * The weight gradient (see `correlation.ts`) as an implicit GEMM over voxels. A workgroup computes `depth` gathered
 * channels × `channels` of the centre × all taps along H and W, for one tap of D and one share of the rows. It walks
 * down the rows, `width` voxels wide: the lines of the gathered tensor that a row's taps read stay in a ring in
 * workgroup memory, to which each row adds its new ones; the next row's are on their way meanwhile.
 */
import type { Gpu } from '../../../device.ts';
import { type Launch, prepare, u32 } from '../../../kernel.ts';
import type { SharedTile } from '../choice/problem.ts';
import { hasMatrices, rowVec4s } from '../choice/tile.ts';
import { type Correlation, correlationViews, type WeightGradientCall } from '../correlation.ts';
import { blockOf, inputOfSlot } from './block.ts';
import { matrixText } from './matrix.ts';
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
import { multiplier, type WeightGradientShape } from './weightGradientMultiply.ts';

/** Workgroups that work on one share. */
export function tiledWorkgroups({ gathered, centre, dWeight }: WeightGradientCall, tile: SharedTile): number {
  const tilesA = gathered.reduce((sum, t) => sum + Math.ceil(t.shape[4]! / tile.depth), 0);
  return dWeight.shape[2]! * tilesA * Math.ceil(centre.shape[4]! / tile.channels);
}

export function correlateTiled(gpu: Gpu, correlation: Correlation, tile: SharedTile): Launch {
  const { call, slab, index, shares } = correlation;
  const { read, params } = correlationViews(correlation);
  const source = call.gathered[index]!;
  const [b, , tapsD, tapsH, tapsW] = call.dWeight.shape as [number, number, number, number, number];
  const [, strideH, strideW] = call.stride;
  const tilesA = Math.ceil(source.shape[4]! / tile.depth);
  const tilesB = Math.ceil(b / tile.channels);
  const groups = slab.shares * tapsD * tilesA * tilesB;
  const text = matrixText(hasMatrices(gpu));
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
    code: tiledCode({
      tile,
      block: blockOf(1, tile.width, [tapsD, tapsH, tapsW], call.stride),
      text,
      readingA,
      readingB,
      stored: source.dtype as 'f32' | 'f16',
      isNormed: call.norm !== undefined,
      tapsH,
      tapsW,
      strideH,
      strideW,
      end: loopEnd(gpu),
    }),
    workgroupSize: tile.threads,
    invocations: groups * tile.threads,
  });
}

function tiledCode(shape: WeightGradientShape): string {
  const { tile, block, readingA, readingB, stored, isNormed, tapsH, tapsW, strideH, strideW } = shape;
  const m = multiplier(shape);
  const [rowA, rowB] = [rowVec4s(tile.depth), rowVec4s(tile.channels)];
  // Lines that a row adds to the ring; the others are there already, from the row before.
  const added = block.lineStep;
  const kept = tapsH - added;
  const a = shareReads(tile.threads, added * block.voxels, tile.depth / channelsOf(readingA));
  const b = shareReads(tile.threads, tile.width, tile.channels / channelsOf(readingB));
  const norm = isNormed ? ', norm' : '';
  const line = (slot: string) => `${slot} / ${block.voxels}u`;
  const voxel = (slot: string) => `(${slot} % ${block.voxels}u)`;
  const ring = (first: string, slot: string) =>
    `(((${first} + ${line(slot)}) % ${tapsH}u * ${block.voxels}u + ${voxel(slot)}) * ${rowA}u)`;
  const readRow = (r: string) => `{
        let h = i32((${r}) % p.height * ${strideH}u + ${kept}u) + p.baseH;
        let d = (i32((${r}) / p.height) + p.firstD) * p.strideD + p.baseD + td;
        ${a.each(
          (i, slot) => `isInside${i} = isLine(d, h + i32(${line(slot)})) && place${i} >= 0 && a0 + cA < p.a;
        rawA${i} = readA(d, h + i32(${line(slot)}), place${i}, a0 + cA, isInside${i});`,
        )}
        ${b.each((i, slot) => `rawB${i} = readB((${r}) * p.width, w0 + ${slot}, b0 + cB);`)}
      }`;
  return `
var<workgroup> strip: array<vec4<${m.scalar}>, ${block.lines * block.voxels * rowA}>;
var<workgroup> centre: array<vec4<${m.scalar}>, ${tile.width * rowB}>;
${m.declarations}

${readFunction({ name: 'gathered', array: 'x', channels: 'p.a', reading: readingA, stored })}
${readFunction({ name: 'central', array: 'g', channels: 'p.b', reading: readingB, stored })}
${keepFunction({ name: 'keepA', array: 'strip', channels: 'p.a', reading: readingA, stored, scalar: m.scalar, isNormed })}
${keepFunction({ name: 'keepB', array: 'centre', channels: 'p.b', reading: readingB, stored, scalar: m.scalar, isNormed: false })}

fn isLine(d: i32, h: i32) -> bool { return d >= 0 && d < p.inDepth && h >= 0 && h < p.inHeight; }

fn readA(d: i32, h: i32, w: i32, c: u32, isInside: bool) -> ${rawType(readingA, stored)} {
  var raw = ${rawType(readingA, stored)}(0);
  if (isInside) { raw = gathered(u32(p.inShift + ((d * p.inHeight + h) * p.inWidth + w) * i32(p.a)), c); }
  return raw;
}

fn readB(row: u32, w: u32, c: u32) -> ${rawType(readingB, stored)} {
  var raw = ${rawType(readingB, stored)}(0);
  if (w < p.width && c < p.b) { raw = central(p.shift + (row + w) * p.b, c); }
  return raw;
}

// Along W, of the input of a slot; negative where it lies outside.
fn placeOf(slot: u32, w0: u32) -> i32 {
  let w = ${inputOfSlot('slot', 'w0', block, strideW)};
  return select(-1, w, w >= 0 && w < p.inWidth);
}

// Writes one weight of this workgroup's share.
fn put(share: u32, tap: u32, a: u32, b: u32, sum: f32) {
  if (a >= p.a || b >= p.b) { return; }
  let taps = p.tapsD * ${tapsH * tapsW}u;
  partial[(((p.firstShare + share) * p.b + b) * p.aTotal + p.firstA + a) * taps + tap] = sum;
}

@compute @workgroup_size(${tile.threads}) fn main(${WORKGROUP_IDS}) {
  let group = ${GROUP_INDEX};
  if (group >= p.groups) { return; }
  let b0 = group % p.tilesB * ${tile.channels}u;
  let a0 = group / p.tilesB % p.tilesA * ${tile.depth}u;
  let td = i32(group / (p.tilesB * p.tilesA) % p.tapsD);
  let share = group / (p.tilesB * p.tilesA * p.tapsD);
  ${m.sums}
  let cA = lane % ${a.perSlot}u * ${channelsOf(readingA)}u;
  let cB = lane % ${b.perSlot}u * ${channelsOf(readingB)}u;
  ${isNormed ? 'let norm = normAt(p.item, a0 + cA);' : ''}
  ${a.each((i) => `var rawA${i} = ${rawType(readingA, stored)}(0); var isInside${i} = false;`)}
  ${b.each((i) => `var rawB${i} = ${rawType(readingB, stored)}(0);`)}

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  let start = share * rowsPerShare;
  let end = min(p.rows, start + rowsPerShare);
  for (var w0 = 0u; w0 < p.width; w0 += ${tile.width}u) {
    ${a.each((i, slot) => `let place${i} = placeOf(${voxel(slot)}, w0);`)}
    if (start < end) ${readRow('start')}
    for (var r = start; r < end; r++) {
      let first = r % p.height * ${added}u; // of the lines in the ring
      ${
        kept > 0
          ? `if (r == start || r % p.height == 0u) {
        workgroupBarrier();
        let h = i32(r % p.height * ${strideH}u) + p.baseH;
        let d = (i32(r / p.height) + p.firstD) * p.strideD + p.baseD + td;
        for (var i = lane; i < ${kept * block.voxels * a.perSlot}u; i += ${tile.threads}u) {
          let slot = i / ${a.perSlot}u;
          let place = placeOf(${voxel('slot')}, w0);
          let isInside = isLine(d, h + i32(${line('slot')})) && place >= 0 && a0 + cA < p.a;
          keepA(${ring('first', 'slot')} + cA / 4u, readA(d, h + i32(${line('slot')}), place, a0 + cA, isInside), isInside${norm});
        }
      }`
          : ''
      }
      workgroupBarrier();
      ${a.each((i, slot) => a.guarded(i, `keepA(${ring(`first + ${kept}u`, slot)} + cA / 4u, rawA${i}, isInside${i}${norm});`))}
      ${b.each((i, slot) => b.guarded(i, `keepB(${slot} * ${rowB}u + cB / 4u, rawB${i}, true);`))}
      workgroupBarrier();
      if (r + 1u < end) ${readRow('r + 1u')}
      let line = (first + th) % ${tapsH}u * ${block.voxels * rowA}u;
      ${m.multiply}
    }
    workgroupBarrier();
  }
  ${m.finish}
}`;
}
