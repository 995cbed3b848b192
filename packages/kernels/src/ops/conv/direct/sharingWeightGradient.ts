/**
 * The weight gradient (see `correlation.ts`) by subgroups of a CPU that plays GPU, where what each invocation reads by
 * itself costs as much as the sums: all of a subgroup sum the same 8 or 16 channels of `b`, whose values they read for
 * each other. An invocation keeps 4 channels of `a` × those × all taps along W.
 */
import type { Gpu } from '../../../device.ts';
import { type Launch, prepare, u32 } from '../../../kernel.ts';
import { lines, range } from '../../wgsl.ts';
import { type Correlation, correlationViews } from '../correlation.ts';
import { affineOfFour, normFunction } from '../inputNorm.ts';

/** The most channels of the centre that a subgroup sums, in vec4s. */
const BLOCK_VEC4S = 4;

/** Whether it serves: all channels come in fours, and the invocations of a subgroup can read a block for each other. */
export const canShare = (gpu: Gpu, { call, index }: Correlation): boolean =>
  gpu.weightSpace === 'uniform' &&
  gpu.adapter.subgroupSize >= BLOCK_VEC4S &&
  call.gathered[index]!.shape[4]! % 4 === 0 &&
  call.centre.shape[4]! % 4 === 0;

/** The launch that computes one correlation. */
export function correlateSharing(gpu: Gpu, correlation: Correlation): Launch {
  const { call, slab, index, shares } = correlation;
  const { read, params } = correlationViews(correlation);
  const { subgroupSize } = gpu.adapter;
  const [, , tapsD, tapsH, tapsW] = call.dWeight.shape as [number, number, number, number, number];
  const [, , , width, b] = call.centre.shape as [number, number, number, number, number];
  const blocksA = call.gathered[index]!.shape[4]! / 4;
  const vec4s = b <= 8 ? 2 : BLOCK_VEC4S;
  const blocksB = Math.ceil(b / (4 * vec4s));
  const groups = Math.ceil((blocksA * tapsD * tapsH) / subgroupSize);
  // As many voxels at once as the invocations read for each other, a vec4 each; a row has a multiple of them.
  const voxels = range(Math.floor(subgroupSize / vec4s) + 1).findLast((n) => width % n === 0)!;
  return prepare(gpu, {
    name: call.name,
    read,
    write: { partial: shares },
    params: { ...params, blocksA: u32(blocksA), blocksB: u32(blocksB), groups: u32(groups) },
    code: correlateCode({
      tapsW,
      strideW: call.stride[2],
      vec4s,
      voxels,
      isNormed: call.norm !== undefined,
    }),
    directives: ['enable subgroups;'],
    workgroupSize: subgroupSize,
    invocations: slab.shares * blocksB * groups * subgroupSize,
  });
}

/** All that shapes the code. */
interface SharingShape {
  readonly tapsW: number;
  readonly strideW: number;
  /** Of the centre's channels, in a block. */
  readonly vec4s: number;
  /** Voxels of a row that are summed at once. */
  readonly voxels: number;
  readonly isNormed: boolean;
}

function correlateCode({ tapsW, strideW, vec4s, voxels, isNormed }: SharingShape): string {
  const inputs = (voxels - 1) * strideW + tapsW;
  const kept = Math.max(tapsW - strideW, 0);
  const affine = (part: 0 | 1) =>
    `vec4<f32>(${range(4)
      .map((k) => affineOfFour(k, part))
      .join(', ')})`;
  const accumulators = range(4).flatMap((k) =>
    range(vec4s).flatMap((j) => range(tapsW).map((t) => ({ name: `sum${k}_${j}_${t}`, k, j, t }))),
  );
  // The products of a sum follow each other, so that it comes from memory and goes back there once for all voxels.
  const add = ({ name, k, j, t }: (typeof accumulators)[number]) =>
    range(voxels)
      .map((v) => `${name} = fma(vec4<f32>(x${v * strideW + t}[${k}]), g${v}_${j}, ${name});`)
      .join(' ');
  return `${isNormed ? normFunction('vec4<f32>') : ''}
fn load(row: u32, w: i32, valid: bool${isNormed ? ', scale: vec4<f32>, offset: vec4<f32>' : ''}) -> vec4<f32> {
  let value = vec4<f32>(x[(row + u32(clamp(w, 0, p.inWidth - 1)) * p.a) / 4u]);
  return select(vec4<f32>(0), ${isNormed ? 'normed(value, scale, offset)' : 'value'}, valid && w >= 0 && w < p.inWidth);
}

@compute @workgroup_size(WORKGROUP) fn main(id: Id, @builtin(subgroup_invocation_id) subgroupLane: u32) {
  let share = groupIndex(id) / (p.groups * p.blocksB);
  let b0 = groupIndex(id) / p.groups % p.blocksB * ${4 * vec4s}u;
  let i = groupIndex(id) % p.groups * WORKGROUP + id.lane;
  let a0 = i % p.blocksA * 4u;
  let th = i / p.blocksA % p.tapsH;
  // Broadcasts want uniform control flow: what lies outside is computed on clamped places and dropped.
  let td = min(i / (p.blocksA * p.tapsH), p.tapsD - 1u);
  let lastB = p.b - 4u - b0;
  ${isNormed ? `let scale = ${affine(0)};\n  let offset = ${affine(1)};` : ''}
  ${accumulators.map(({ name }) => `var ${name} = vec4<f32>(0);`).join(' ')}

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  for (var n = 0u; n < rowsPerShare; n++) {
    let r = min(share * rowsPerShare + n, p.rows - 1u);
    let h = i32(r % p.height) * p.strideH + p.baseH + i32(th);
    let d = (i32(r / p.height) + p.firstD) * p.strideD + p.baseD + i32(td);
    let valid = share * rowsPerShare + n < p.rows && h >= 0 && h < p.inHeight && d >= 0 && d < p.inDepth;
    let plane = clamp(d, 0, p.inDepth - 1) * p.inHeight + clamp(h, 0, p.inHeight - 1);
    let row = u32(p.inShift + plane * p.inWidth * i32(p.a)) + a0;
    // The voxel and the channels that this invocation reads for all.
    let mine = p.shift + r * p.width * p.b + subgroupLane / ${vec4s}u % ${voxels}u * p.b + b0
      + min(subgroupLane % ${vec4s}u * 4u, lastB);
    // The gathered values of the taps along W slide from step to step.
    ${range(kept)
      .map((t) => `var k${t} = load(row, p.baseW + ${t}, valid${isNormed ? ', scale, offset' : ''});`)
      .join(' ')}
    for (var w = 0u; w < p.width; w += ${voxels}u) {
      let at = i32(w) * ${strideW} + p.baseW;
      ${lines(inputs, (t) => `let x${t} = ${t < kept ? `k${t}` : `load(row, at + ${t}, valid${isNormed ? ', scale, offset' : ''})`};`)}
      let read = vec4<f32>(g[(mine + w * p.b) / 4u]);
      ${lines(voxels, (v) =>
        range(vec4s)
          .map((j) => `let g${v}_${j} = subgroupBroadcast(read, ${v * vec4s + j}u);`)
          .join(' '),
      )}
      ${accumulators.map(add).join('\n      ')}
      ${range(kept)
        .map((t) => `k${t} = x${t + voxels * strideW};`)
        .join(' ')}
    }
  }
  if (share >= p.shares || i >= p.blocksA * p.tapsH * p.tapsD) { return; }

  let taps = p.tapsD * p.tapsH * ${tapsW}u;
  let first = (p.firstShare + share) * p.b * p.aTotal * taps + (td * p.tapsH + th) * ${tapsW}u;
  var sums = array<vec4<f32>, ${accumulators.length}>(${accumulators.map(({ name }) => name).join(', ')});
  // Loops whose ends the compiler does not know: unrolled, these stores would be most of its work.
  for (var k = 0u; k < min(4u, p.a); k++) {
    for (var c = 0u; c < min(${4 * vec4s}u, p.b - b0); c++) {
      let at = first + ((b0 + c) * p.aTotal + p.firstA + a0 + k) * taps;
      for (var t = 0u; t < ${tapsW}u; t++) {
        partial[at + t] = sums[(k * ${vec4s}u + c / 4u) * ${tapsW}u + t][c % 4u];
      }
    }
  }
}`;
}
