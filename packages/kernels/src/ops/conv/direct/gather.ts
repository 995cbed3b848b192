/**
 * The gather (see `geometry.ts`) by single invocations: each computes 8 or 6 outputs along W of 4 to 16 channels in
 * registers, and every input that it loads is used by all taps along W and all channels. Weights come in blocks, see
 * `direct/weights.ts`.
 */
import type { Gpu } from '../../../device.ts';
import { i32, type Launch, prepare, u32 } from '../../../kernel.ts';
import { viewOf } from '../../../views.ts';
import { lines, range } from '../../wgsl.ts';
import { counts, type GatherCall, gatherParams, offsetOfSet, planesRead, slabs } from '../geometry.ts';
import { normFunction, normParams, normRead } from '../inputNorm.ts';
import { type DirectWeights, UNIFORM_VEC4S, type WeightBlocks } from './weights.ts';

/** Outputs along W that an invocation may compute: of these what leaves fewest places of a row idle. */
const ALONG_W = [8, 6] as const;
const WORKGROUP = 32;
/** The most invocations of a block that a CPU runs in workgroups of one subgroup, so that each of its cores has some. */
const FEW = 256;

/** The launches of a gather: one for each binding of weights, item and slab of planes. */
export function directGather(gpu: Gpu, call: GatherCall, weights: DirectWeights): Launch[] {
  const [batch] = call.output.shape as [number];
  const launches: Launch[] = [];
  for (const blocks of weights.dispatches) {
    for (let n = 0; n < batch; n++) {
      for (const slab of slabs(gpu, [call.inputs[blocks.input]!], call.output, weights.geometry)) {
        launches.push(gatherSlab(gpu, call, weights, blocks, n, slab));
      }
    }
  }
  return launches;
}

function gatherSlab(
  gpu: Gpu,
  call: GatherCall,
  weights: DirectWeights,
  blocks: WeightBlocks,
  n: number,
  slab: readonly [number, number],
) {
  const { output } = call;
  const { geometry: g } = weights;
  const input = call.inputs[blocks.input]!;
  const [, depth, height, width, channels] = output.shape as [number, number, number, number, number];
  const [, inDepth, inHeight, inWidth, inChannels] = input.shape as [number, number, number, number, number];
  const outPlane = height * width * channels;
  const inPlane = inHeight * inWidth * inChannels;
  const [inFirst, inEnd] = planesRead(g, inDepth, slab);
  const [j0, j1] = slab;
  const [firstOffset, lastOffset] = [g.outOffsets[0]!, g.outOffsets.at(-1)!];
  const outFirst = j0 * g.outStride[0] + firstOffset[0];
  const outEnd = (j1 - 1) * g.outStride[0] + lastOffset[0] + 1;
  const x = viewOf(input, (n * inDepth + inFirst) * inPlane, (n * inDepth + inEnd) * inPlane);
  const y = viewOf(output, (n * depth + outFirst) * outPlane, (n * depth + outEnd) * outPlane);
  const [, countH, countW] = counts(output.shape, g);
  const w = { tensor: weights.tensor, start: blocks.start, count: blocks.count, vec4: true };
  const uniform = weights.space === 'uniform';
  const vecOut = channels % 4 === 0;
  const bias = blocks.first ? call.bias : undefined;
  const computed = (n: number) => Math.ceil(countW / n) * n;
  const alongW = ALONG_W.reduce((best, n) => (computed(n) < computed(best) ? n : best));
  const invocations = (computed(alongW) / alongW) * countH * (j1 - j0);
  // Workgroups share weights, which they broadcast, so that each is of one block; on a GPU neighbours write neighbours.
  const workgroupSize = uniform && invocations <= FEW ? gpu.adapter.subgroupSize : WORKGROUP;
  const groups = Math.ceil(invocations / workgroupSize);
  return prepare(gpu, {
    name: call.name,
    read: { x, ...(uniform ? {} : { w }), ...(bias ? { bias } : {}), ...normRead(call.norm, false) },
    write: { y: { ...y, vec4: vecOut } },
    ...(uniform ? { uniform: { w: { view: w, vec4Count: UNIFORM_VEC4S } } } : {}),
    params: {
      ...gatherParams(g, input, output, slab, firstOffset),
      // Where voxel (n, 0, 0, 0) of the block's first channel lies, counted from the binding's begin.
      inShift: i32(x.shift - inFirst * inPlane + blocks.inChannel),
      inStrideC: u32(inChannels),
      inChannels: u32(blocks.inChannels),
      outShift: i32(y.shift - outFirst * outPlane),
      outChannel: u32(blocks.outChannel),
      ...(uniform ? { blockGroups: u32(groups) } : { blocks: u32(blocks.sets * blocks.outBlocks) }),
      outBlocks: u32(blocks.outBlocks),
      blockVec4s: u32(blocks.blockVec4s),
      firstSet: u32(blocks.firstSet),
      sets: u32(g.outOffsets.length),
      accumulate: u32(call.accumulate || !blocks.first ? 1 : 0),
      firstAffine: u32(n * inChannels + blocks.inChannel),
      ...normParams(call.norm),
    },
    code: gatherCode({
      blockChannels: weights.blockChannels,
      alongW,
      tapsW: g.taps[2],
      strideW: g.inStride[2],
      vecOut,
      bias: Boolean(bias),
      isNormed: call.norm !== undefined,
      subgroupSize: uniform ? gpu.adapter.subgroupSize : undefined,
    }),
    directives: uniform ? ['enable subgroups;'] : [],
    workgroupSize,
    invocations: blocks.sets * blocks.outBlocks * (uniform ? groups * workgroupSize : invocations),
  });
}

/** All that shapes the code. */
interface GatherShape {
  readonly blockChannels: number;
  /** Outputs along W of an invocation. */
  readonly alongW: number;
  readonly tapsW: number;
  readonly strideW: number;
  readonly vecOut: boolean;
  readonly bias: boolean;
  readonly isNormed: boolean;
  /** The lanes of a subgroup, where they share the weights that they read. */
  readonly subgroupSize: number | undefined;
}

function gatherCode(shape: GatherShape): string {
  const { blockChannels, alongW, tapsW, strideW, vecOut, bias, isNormed, subgroupSize } = shape;
  const vec4s = blockChannels / 4;
  const inputs = tapsW ? (alongW - 1) * strideW + tapsW : 0;
  const weights = tapsW * vec4s;
  // Broadcasts want uniform control flow: what lies outside is computed on clamped places and dropped.
  const readWeights = subgroupSize
    ? lines(
        Math.ceil(weights / subgroupSize),
        (s) => `let k${s} = w[firstWeight + min(subgroupLane + ${s * subgroupSize}u, ${weights - 1}u)];`,
      )
    : '';
  const weight = (k: number) =>
    subgroupSize
      ? `subgroupBroadcast(k${Math.floor(k / subgroupSize)}, ${k % subgroupSize}u)`
      : `w[firstWeight + ${k}u]`;
  // The products of a sum follow each other, so that it comes from memory and goes back there once for all taps.
  const sums = (v: number, c: number) =>
    range(tapsW)
      .map((t) => `a${v}_${c} = fma(vec4<f32>(x${v * strideW + t}), w${t}, a${v}_${c});`)
      .join(' ');
  const read = (value: string) => (isNormed ? `normed(${value}, scale, offset)` : value);
  return `
${isNormed ? normFunction('f32') : ''}
@compute @workgroup_size(WORKGROUP) fn main(id: Id${subgroupSize ? ', @builtin(subgroup_invocation_id) subgroupLane: u32' : ''}) {
  ${
    subgroupSize
      ? `let block = groupIndex(id) / p.blockGroups;
  let i = groupIndex(id) % p.blockGroups * WORKGROUP + id.lane;`
      : `let block = invocation(id) % p.blocks;
  let i = invocation(id) / p.blocks;`
  }
  let groupsW = (p.countW + ${alongW - 1}u) / ${alongW}u;
  let firstW = (i % groupsW) * ${alongW}u;
  let h = (i / groupsW) % p.countH;
  let d = i / (groupsW * p.countH) + p.firstD;
  let outChannel = p.outChannel + block % p.outBlocks * ${blockChannels}u;
  let outSet = p.firstSet + block / p.outBlocks;
  let outOffset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW) + ${offsetOfSet('outSet')};

  let inW = i32(firstW) * ${strideW} + p.baseW;
  ${lines(
    inputs,
    (r) => `let valid${r} = inW + ${r} >= 0 && inW + ${r} < p.inWidth;
  let at${r} = u32(clamp(inW + ${r}, 0, p.inWidth - 1)) * p.inStrideC;`,
  )}
  ${lines(alongW, (v) =>
    range(vec4s)
      .map((c) => `var a${v}_${c} = vec4<f32>(0);`)
      .join(' '),
  )}

  for (var td = 0u; td < p.tapsD; td++) {
    let inD = i32(d) * p.inStrideD + p.baseD + i32(td);
    let rowD = clamp(inD, 0, p.inDepth - 1) * p.inHeight;
    for (var th = 0u; th < p.tapsH; th++) {
      let inH = i32(h) * p.inStrideH + p.baseH + i32(th);
      let valid = inD >= 0 && inD < p.inDepth && inH >= 0 && inH < p.inHeight;
      let row = u32(p.inShift + (rowD + clamp(inH, 0, p.inHeight - 1)) * p.inWidth * i32(p.inStrideC));
      let taps = block * p.blockVec4s + (td * p.tapsH + th) * p.inChannels * ${weights}u;
      for (var ci = 0u; ci < p.inChannels; ci++) {
        let firstWeight = taps + ci * ${weights}u;
        ${readWeights}
        ${isNormed ? 'let scale = affine[(p.firstAffine + ci) * 2u]; let offset = affine[(p.firstAffine + ci) * 2u + 1u];' : ''}
        ${lines(inputs, (r) => `let x${r} = select(0.0, ${read(`f32(x[row + at${r} + ci])`)}, valid && valid${r});`)}
        ${lines(
          vec4s,
          (c) => `{ ${range(tapsW)
            .map((t) => `let w${t} = ${weight(t * vec4s + c)};`)
            .join(' ')}
        ${lines(alongW, (v) => sums(v, c))} }`,
        )}
      }
    }
  }
  if (d >= p.firstD + p.countD) { return; }

  let first = u32(p.outShift) + (((d * p.outStrideD + outOffset.x) * p.outHeight + h * p.outStrideH + outOffset.y) * p.outWidth
    + firstW * p.outStrideW + outOffset.z) * p.outChannels + outChannel;
  // Loops whose ends the compiler does not know: unrolled, these stores would be most of its work.
  var sums = array<vec4<f32>, ${alongW * vec4s}>(${range(alongW)
    .flatMap((v) => range(vec4s).map((c) => `a${v}_${c}`))
    .join(', ')});
  let channels = min(${blockChannels}u, p.outChannels - outChannel);
  for (var v = 0u; v < min(${alongW}u, p.countW - firstW); v++) {
    let at = first + v * p.outStrideW * p.outChannels;
    ${
      vecOut
        ? `for (var c = 0u; c < channels; c += 4u) {
      var sum = sums[v * ${vec4s}u + c / 4u];
      ${bias ? `sum += vec4(${range(4).map((k) => `bias[outChannel + c + ${k}u]`)});` : ''}
      if (p.accumulate != 0u) { sum += vec4<f32>(y[(at + c) / 4u]); }
      y[(at + c) / 4u] = y_t(sum);
    }`
        : `for (var c = 0u; c < channels; c++) {
      var sum = sums[v * ${vec4s}u + c / 4u][c % 4u];
      ${bias ? 'sum += bias[outChannel + c];' : ''}
      if (p.accumulate != 0u) { sum += f32(y[at + c]); }
      y[at + c] = y_t(sum);
    }`
    }
  }
}`;
}
