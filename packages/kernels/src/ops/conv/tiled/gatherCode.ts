/**
 * The WGSL of the tiled gather (see `gather.ts`), from its declarations to its way out. What depends on who multiplies
 * comes from `gatherMultiply.ts`.
 */
import { range } from '../../wgsl.ts';
import { offsetOfSet } from '../geometry.ts';
import { inputOfLine, inputOfSlot, slotOfTap } from './block.ts';
import { type GatherMultiplier, type GatherShape, gatherMultiplier } from './gatherMultiply.ts';
import { channelsOf, keepFunction, rawType, readFunction, shareReads } from './load.ts';
import { declarations, rowVec4s } from './memory.ts';
import { putFunctions } from './put.ts';
import { GROUP_INDEX, WORKGROUP_IDS } from './text.ts';

export function gatherCode(shape: GatherShape): string {
  const { tile, block, reading, stored, isNormed, end } = shape;
  const { tapsH, tapsW, strideH, strideW, inputs } = shape;
  const m = gatherMultiplier(shape);
  const raw = rawType(reading, stored);
  const vec4sOfVoxel = rowVec4s(tile.depth);
  const slots = block.lines * block.voxels;
  const reads = shareReads(tile.threads, slots, tile.depth / channelsOf(reading));
  const ofInput = (name: string) =>
    inputs === 1 ? `p.${name}0` : `select(p.${name}1, p.${name}0, input == 0u)`;
  // Reads what a step will add into registers.
  const readBlock = (step: string) => `{
        let next = ${step};
        let d = firstD + i32(tapFirst + next / chunks);
        let c = next % chunks * ${tile.depth}u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        ${reads.each((i) => `raw${i} = readAt(input, plane, voxel${i}, channels, c);`)}
      }`;
  const weightRowOf = (step: string, th: string) => `weightRow(rows, tapFirst * chunks + ${step}, ${th})`;
  // Keeps the weights of tap th, which were read while those before were multiplied, and reads the next ones.
  const nextWeights = ({ read, keep }: NonNullable<GatherMultiplier['weights']>) => `if (th > 0u) {
          workgroupBarrier();
          ${keep}
          workgroupBarrier();
        }
        if (th + 1u < ${tapsH}u) ${read(weightRowOf('step', 'th + 1u'))} else if (step + p.splits < steps) ${read(weightRowOf('step + p.splits', '0u'))}`;
  return `
${declarations(shape.memory)}

${range(inputs)
  .map((i) => readFunction({ name: `read${i}`, array: `x${i}`, channels: `p.channels${i}`, reading, stored }))
  .join('\n')}

// What lies at a voxel of a plane from channel c on; zeros where the voxel is negative or the channel beyond the last.
fn readAt(input: u32, plane: i32, voxel: i32, channels: u32, c: u32) -> ${raw} {
  var raw = ${raw}(0);
  if (voxel >= 0 && c < channels) {
    let at = u32(plane + voxel * i32(channels));
    ${inputs === 1 ? 'raw = read0(at, c);' : 'if (input == 0u) { raw = read0(at, c); } else { raw = read1(at, c); }'}
  }
  return raw;
}

${keepFunction({ name: 'keep', array: 'block', channels: 'p.channels0', reading, stored, scalar: m.scalar, isNormed })}

// The voxel of a plane that is the input of a slot; negative where it lies outside.
fn voxelOf(slot: u32, h0: u32, w0: u32) -> i32 {
  let line = slot / ${block.voxels}u;
  let at = slot % ${block.voxels}u;
  let h = ${inputOfLine('line', 'h0', block, strideH)};
  let w = ${inputOfSlot('at', 'w0', block, strideW)};
  return select(-1, h * p.inWidth + w, slot < ${slots}u && h >= 0 && h < p.inHeight && w >= 0 && w < p.inWidth);
}

// The row of the packed weights where those of tap th along H begin; \`rows\` are those of the inputs before.
fn weightRow(rows: u32, step: u32, th: u32) -> u32 {
  return rows + (step * ${tapsH}u + th) * ${tapsW * tile.depth}u;
}
${m.functions}

${putFunctions(shape)}

@compute @workgroup_size(${tile.threads}) fn main(${WORKGROUP_IDS}) {
  let group = ${GROUP_INDEX};
  if (group >= p.groups) { return; }
  let columnTile = group % p.columnTiles;
  let w0 = group / p.columnTiles % p.widthTiles * ${tile.width}u;
  let h0 = group / (p.columnTiles * p.widthTiles) % p.heightTiles * ${tile.lines}u;
  let outPlane = group / (p.columnTiles * p.widthTiles * p.heightTiles);
  let d0 = outPlane % p.countD + p.firstD;
  let item = outPlane / p.countD; // of the output, whose batches are shares of the sum
  let n = item % p.items;
  let split = item / p.items;
  let column = columnTile * ${tile.channels / 4}u;
  ${m.declare}

  let c0 = lane % ${reads.perSlot}u * ${channelsOf(reading)}u;
  ${reads.each((i, slot) => `let voxel${i} = voxelOf(${slot}, h0, w0);`)}
  ${reads.each((i) => `var raw${i} = ${raw}(0);`)}

  // Taps along D that meet the volume.
  let firstD = i32(d0) * p.inStrideD + p.baseD;
  let tapFirst = u32(max(0, -firstD));
  let tapEnd = u32(clamp(p.inDepth - firstD, i32(tapFirst), max(i32(p.tapsD), i32(tapFirst))));
  var rows = 0u; // of the packed weights, before those of this input
  for (var input = 0u; input < ${end(inputs)}; input++) {
    let channels = ${ofInput('channels')};
    let shift = ${ofInput('shift')} + i32(n) * p.inDepth * p.inHeight * p.inWidth * i32(channels);
    // A step adds the products of a tap along D and \`depth\` channels.
    let chunks = (channels + ${tile.depth - 1}u) / ${tile.depth}u;
    let steps = (tapEnd - tapFirst) * chunks;
    if (split < steps) {
      ${readBlock('split')}
      ${m.weights ? m.weights.read(weightRowOf('split', '0u')) : ''}
    }
    for (var step = split; step < steps; step += p.splits) {
      let c = step % chunks * ${tile.depth}u + c0;
      ${isNormed ? 'let norm = normAt(p.firstItem + n, c);' : ''}
      workgroupBarrier();
      ${reads.each((i, slot) => reads.guarded(i, `keep(${slot} * ${vec4sOfVoxel}u + c0 / 4u, raw${i}, voxel${i} >= 0 && c < channels${isNormed ? ', norm' : ''});`))}
      ${m.weights?.keep ?? ''}
      workgroupBarrier();
      // The next step's inputs are on their way while this one's are multiplied.
      if (step + p.splits < steps) ${readBlock('step + p.splits')}
      for (var th = 0u; th < ${end(tapsH)}; th++) {
        let row = ${weightRowOf('step', 'th')};
        ${m.weights ? nextWeights(m.weights) : ''}
        for (var t = 0u; t < ${end(tapsW)}; t++) {
          let tap = (th * ${block.voxels}u + ${slotOfTap('t', block, strideW)}) * ${vec4sOfVoxel}u;
          ${m.multiply({ inputs: 'tap', t: 't', row: 'row' })}
        }
      }
    }
    rows += p.tapsD * chunks * ${tapsH * tapsW * tile.depth}u;
  }

  let outSet = columnTile * ${tile.channels}u / p.columns;
  let offset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW) + ${offsetOfSet('outSet')};
  let first = u32(p.outShift + i32(item * p.outDepth * p.outHeight * p.outWidth * p.outChannels))
    + (((d0 * p.outStrideD + offset.x) * p.outHeight + offset.y) * p.outWidth + offset.z) * p.outChannels;
  let outputs = Outputs(first, h0, w0, columnTile * ${tile.channels}u % p.columns, group / p.columnTiles);
  ${m.finish('outputs')}
}`;
}
