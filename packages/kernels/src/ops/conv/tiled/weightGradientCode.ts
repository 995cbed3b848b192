/**
 * The WGSL of the tiled weight gradient (see `weightGradient.ts`), from its declarations to its way out. What depends on
 * who multiplies comes from `weightGradientMultiply.ts`.
 */
import { inputOfSlot } from './block.ts';
import { channelsOf, keepFunction, rawType, readFunction, shareReads } from './load.ts';
import { declarations, rowVec4s } from './memory.ts';
import { GROUP_INDEX, times, WORKGROUP_IDS } from './text.ts';
import { type WeightGradientShape, weightMultiplier } from './weightGradientMultiply.ts';

export function weightGradientCode(shape: WeightGradientShape): string {
  const { tile, block, readingA, readingB, stored, isNormed, tapsH, tapsW, strideH, strideW } = shape;
  const m = weightMultiplier(shape);
  const [rawA, rawB] = [rawType(readingA, stored), rawType(readingB, stored)];
  const [rowA, rowB] = [rowVec4s(tile.depth), rowVec4s(tile.channels)];
  // Lines that a row adds to the ring; the others are there already, from the row before.
  const added = block.lineStep;
  const kept = tapsH - added;
  const a = shareReads(tile.threads, added * block.voxels, tile.depth / channelsOf(readingA));
  const b = shareReads(tile.threads, tile.width, tile.channels / channelsOf(readingB));
  const norm = isNormed ? ', norm' : '';
  const lineOf = (slot: string) => `i32(${slot} / ${block.voxels}u)`;
  // Reads a row of the centre, and the lines of the gathered tensor that it adds, into registers.
  const readRow = (r: string) => `{
        let next = ${r};
        let h = firstLine(next) + ${kept};
        let d = planeOf(next, td);
        ${a.each(
          (i, slot) => `isInside${i} = isInside(d, h + ${lineOf(slot)}, inW${i}) && a0 + cA < p.a;
        rawA${i} = readA(d, h + ${lineOf(slot)}, inW${i}, a0 + cA, isInside${i});`,
        )}
        ${b.each((i, slot) => `rawB${i} = readB(next * p.width, w0 + ${slot}, b0 + cB);`)}
      }`;
  const readKeptLines = `if (r == start || r % p.height == 0u) {
        workgroupBarrier();
        let h = firstLine(r);
        let d = planeOf(r, td);
        for (var i = lane; i < ${kept * block.voxels * a.perSlot}u; i += ${tile.threads}u) {
          let slot = i / ${a.perSlot}u;
          let w = inputW(slot, w0);
          let isIn = isInside(d, h + ${lineOf('slot')}, w) && a0 + cA < p.a;
          keepA(ringAt(first, slot) + cA / 4u, readA(d, h + ${lineOf('slot')}, w, a0 + cA, isIn), isIn${norm});
        }
      }`;
  return `
${declarations(shape.memory)}

${readFunction({ name: 'gathered', array: 'x', channels: 'p.a', reading: readingA, stored })}
${readFunction({ name: 'central', array: 'g', channels: 'p.b', reading: readingB, stored })}

${keepFunction({ name: 'keepA', array: 'strip', channels: 'p.a', reading: readingA, stored, scalar: m.scalar, isNormed })}

${keepFunction({ name: 'keepB', array: 'centre', channels: 'p.b', reading: readingB, stored, scalar: m.scalar, isNormed: false })}

// The plane of the gathered tensor that tap td reads for a row of the centre, and the line that the first tap along H does.
fn planeOf(row: u32, td: i32) -> i32 { return (i32(row / p.height) + p.firstD) * p.strideD + p.baseD + td; }
fn firstLine(row: u32) -> i32 { return i32(${times('row % p.height', strideH)}) + p.baseH; }

// Where along W the input of a slot lies; negative where that is outside.
fn inputW(slot: u32, w0: u32) -> i32 {
  let at = slot % ${block.voxels}u;
  let w = ${inputOfSlot('at', 'w0', block, strideW)};
  return select(-1, w, w >= 0 && w < p.inWidth);
}

fn isInside(d: i32, h: i32, w: i32) -> bool {
  return d >= 0 && d < p.inDepth && h >= 0 && h < p.inHeight && w >= 0;
}

fn readA(d: i32, h: i32, w: i32, c: u32, isInside: bool) -> ${rawA} {
  var raw = ${rawA}(0);
  if (isInside) { raw = gathered(u32(p.inShift + ((d * p.inHeight + h) * p.inWidth + w) * i32(p.a)), c); }
  return raw;
}

fn readB(row: u32, w: u32, c: u32) -> ${rawB} {
  var raw = ${rawB}(0);
  if (w < p.width && c < p.b) { raw = central(p.shift + (row + w) * p.b, c); }
  return raw;
}

// The vec4 of \`strip\` where a slot's voxel begins: lines follow each other in a ring.
fn ringAt(firstLine: u32, slot: u32) -> u32 {
  return ((firstLine + slot / ${block.voxels}u) % ${tapsH}u * ${block.voxels}u + slot % ${block.voxels}u) * ${rowA}u;
}

// Writes one weight of a share.
fn put(share: u32, tap: u32, a: u32, b: u32, sum: f32) {
  if (a >= p.a || b >= p.b) { return; }
  let taps = p.tapsD * ${tapsH * tapsW}u;
  partial[(((p.firstShare + share) * p.b + b) * p.aTotal + p.firstA + a) * taps + tap] = sum;
}
${m.functions}

@compute @workgroup_size(${tile.threads}) fn main(${WORKGROUP_IDS}) {
  let group = ${GROUP_INDEX};
  if (group >= p.groups) { return; }
  let b0 = group % p.tilesB * ${tile.channels}u;
  let a0 = group / p.tilesB % p.tilesA * ${tile.depth}u;
  let td = i32(group / (p.tilesB * p.tilesA) % p.tapsD);
  let share = group / (p.tilesB * p.tilesA * p.tapsD);
  ${m.declare}

  let cA = lane % ${a.perSlot}u * ${channelsOf(readingA)}u;
  let cB = lane % ${b.perSlot}u * ${channelsOf(readingB)}u;
  ${isNormed ? 'let norm = normAt(p.item, a0 + cA);' : ''}
  ${a.each((i) => `var rawA${i} = ${rawA}(0); var isInside${i} = false;`)}
  ${b.each((i) => `var rawB${i} = ${rawB}(0);`)}

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  let start = share * rowsPerShare;
  let end = min(p.rows, start + rowsPerShare);
  for (var w0 = 0u; w0 < p.width; w0 += ${tile.width}u) {
    ${a.each((i, slot) => `let inW${i} = inputW(${slot}, w0);`)}
    if (start < end) ${readRow('start')}
    for (var r = start; r < end; r++) {
      let first = ${times('r % p.height', added)}; // of the lines in the ring
      ${kept > 0 ? readKeptLines : ''}
      workgroupBarrier();
      ${a.each((i, slot) => a.guarded(i, `keepA(ringAt(first + ${kept}u, ${slot}) + cA / 4u, rawA${i}, isInside${i}${norm});`))}
      ${b.each((i, slot) => b.guarded(i, `keepB(${slot} * ${rowB}u + cB / 4u, rawB${i}, true);`))}
      workgroupBarrier();
      // The next row is on its way while this one is multiplied.
      if (r + 1u < end) ${readRow('r + 1u')}
      let line = (first + th) % ${tapsH}u * ${block.voxels * rowA}u;
      ${m.multiply('line')}
    }
    workgroupBarrier();
  }
  ${m.finish({ share: 'share', td: 'td', a0: 'a0', b0: 'b0' })}
}`;
}
