/**
 * The weight gradient (see `correlation.ts`) by single invocations: each keeps 4 channels of `a` × 8 of `b` × all
 * taps along W in registers and walks along the rows of its share.
 */
import type { Gpu } from '../../../device.ts';
import { type Launch, prepare, u32 } from '../../../kernel.ts';
import { lines, range } from '../../wgsl.ts';
import { type Correlation, correlationViews, type WeightGradientCall } from '../correlation.ts';
import { affineOfFour, normFunction } from '../inputNorm.ts';

/** Channels of the centre that an invocation sums. */
const BLOCK_B = 8;
const WORKGROUP = 32;

/** The number of invocations that work on one share. */
export function directInvocations({ gathered, centre, dWeight }: WeightGradientCall): number {
  const [, , tapsD, tapsH] = dWeight.shape as [number, number, number, number];
  const b = centre.shape[4]!;
  const a = gathered.reduce((sum, t) => sum + t.shape[4]!, 0);
  return tapsD * tapsH * Math.ceil(a / 4) * Math.ceil(b / BLOCK_B);
}

/** The launch that computes one correlation. */
export function correlateDirect(gpu: Gpu, correlation: Correlation): Launch {
  const { call, slab, index, shares } = correlation;
  const { read, params } = correlationViews(correlation);
  const a = call.gathered[index]!.shape[4]!;
  const [, , tapsD, tapsH, tapsW] = call.dWeight.shape as [number, number, number, number, number];
  const b = call.centre.shape[4]!;
  const blockA = a === 1 ? 1 : 4;
  const blocksA = Math.ceil(a / blockA);
  const blocksB = Math.ceil(b / BLOCK_B);
  return prepare(gpu, {
    name: call.name,
    read,
    write: { partial: shares },
    params: { ...params, blocksA: u32(blocksA), blocksB: u32(blocksB) },
    code: correlateCode({
      tapsW,
      strideW: call.stride[2],
      blockA,
      vecA: Boolean(read.x.vec4),
      vecB: Boolean(read.g.vec4),
      isNormed: call.norm !== undefined,
    }),
    workgroupSize: WORKGROUP,
    invocations: slab.shares * tapsD * tapsH * blocksA * blocksB,
  });
}

/** All that shapes the code. */
interface CorrelateShape {
  readonly tapsW: number;
  readonly strideW: number;
  readonly blockA: number;
  readonly vecA: boolean;
  readonly vecB: boolean;
  readonly isNormed: boolean;
}

function correlateCode({ tapsW, strideW, blockA, vecA, vecB, isNormed }: CorrelateShape): string {
  const aType = blockA === 1 ? 'f32' : 'vec4<f32>';
  const component = (name: string, k: number) => (blockA === 1 ? name : `${name}[${k}]`);
  // Channels beyond the last are read as the last and never stored.
  const loadA =
    blockA === 1
      ? 'f32(x[at])'
      : vecA
        ? 'vec4<f32>(x[at / 4u])'
        : `vec4<f32>(${range(4).map((k) => `f32(x[at + min(${k}u, last)])`)})`;
  const loadB = (j: number) =>
    vecB
      ? `vec4<f32>(g[(gRow + min(${4 * j}u, lastB)) / 4u])`
      : `vec4<f32>(${range(4).map((k) => `f32(g[gRow + min(${4 * j + k}u, lastB)])`)})`;
  const norm = isNormed ? ', scale, offset' : '';
  // Bound as vec4 where the gathered tensor is.
  const affineValue = (k: number, part: 0 | 1) =>
    vecA ? affineOfFour(k, part) : `affine[(p.item * p.a + a0 + min(${k}u, lastA)) * 2u + ${part}u]`;
  const affine = (part: 0 | 1) =>
    `${aType}(${range(blockA)
      .map((k) => affineValue(k, part))
      .join(', ')})`;
  const kept = range(tapsW).filter((t) => t >= strideW);
  const fresh = range(tapsW).filter((t) => t >= tapsW - strideW);
  const accumulators = range(blockA).flatMap((k) =>
    range(2).flatMap((j) => range(tapsW).map((t) => ({ k, j, t }))),
  );
  return `${isNormed ? normFunction(aType) : ''}
fn load(row: u32, w: i32, last: u32${isNormed ? `, scale: ${aType}, offset: ${aType}` : ''}) -> ${aType} {
  if (w < 0 || w >= p.inWidth) { return ${aType}(0); }
  let at = row + u32(w) * p.a;
  return ${isNormed ? `normed(${loadA}, scale, offset)` : loadA};
}

@compute @workgroup_size(${WORKGROUP}) fn main(id: Id) {
  let i = invocation(id);
  let blockB = i % p.blocksB;
  let blockA = (i / p.blocksB) % p.blocksA;
  let th = (i / (p.blocksB * p.blocksA)) % p.tapsH;
  let td = (i / (p.blocksB * p.blocksA * p.tapsH)) % p.tapsD;
  let share = i / (p.blocksB * p.blocksA * p.tapsH * p.tapsD);
  if (share >= p.shares) { return; }
  let a0 = blockA * ${blockA}u;
  let b0 = blockB * ${BLOCK_B}u;
  let lastA = p.a - 1u - a0;
  let lastB = p.b - 1u - b0;
  ${isNormed ? `let scale = ${affine(0)};\n  let offset = ${affine(1)};` : ''}
  ${accumulators.map(({ k, j, t }) => `var sum${k}_${j}_${t} = vec4<f32>(0);`).join(' ')}

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  let end = min(p.rows, (share + 1u) * rowsPerShare);
  for (var r = share * rowsPerShare; r < end; r++) {
    let h = i32(r % p.height) * p.strideH + p.baseH + i32(th);
    let d = (i32(r / p.height) + p.firstD) * p.strideD + p.baseD + i32(td);
    if (h < 0 || h >= p.inHeight || d < 0 || d >= p.inDepth) { continue; }
    let row = u32(p.inShift + (d * p.inHeight + h) * p.inWidth * i32(p.a)) + a0;
    var gRow = p.shift + r * p.width * p.b + b0;
    // The gathered values of the taps along W slide by the stride from voxel to voxel.
    ${range(tapsW)
      .map(
        (t) =>
          `var x${t} = ${kept.includes(t) ? `load(row, p.baseW + ${t - strideW}, lastA${norm})` : `${aType}(0)`};`,
      )
      .join(' ')}
    for (var w = 0u; w < p.width; w++) {
      ${range(Math.max(tapsW - strideW, 0))
        .map((t) => `x${t} = x${t + strideW};`)
        .join(' ')}
      let at = i32(w) * ${strideW} + p.baseW;
      ${fresh.map((t) => `x${t} = load(row, at + ${t}, lastA${norm});`).join(' ')}
      ${lines(2, (j) => `let g${j} = ${loadB(j)};`)}
      ${accumulators.map(({ k, j, t }) => `sum${k}_${j}_${t} = fma(vec4<f32>(${component(`x${t}`, k)}), g${j}, sum${k}_${j}_${t});`).join('\n      ')}
      gRow += p.b;
    }
  }

  let taps = p.tapsD * p.tapsH * ${tapsW}u;
  let first = (p.firstShare + share) * p.b * p.aTotal * taps + (td * p.tapsH + th) * ${tapsW}u;
  var sums = array<vec4<f32>, ${accumulators.length}>(${accumulators.map(({ k, j, t }) => `sum${k}_${j}_${t}`).join(', ')});
  // Loops whose ends the compiler does not know: unrolled, these stores would be most of its work.
  for (var k = 0u; k < min(${blockA}u, lastA + 1u); k++) {
    for (var c = 0u; c < min(${BLOCK_B}u, lastB + 1u); c++) {
      let at = first + ((b0 + c) * p.aTotal + p.firstA + a0 + k) * taps;
      for (var t = 0u; t < ${tapsW}u; t++) {
        partial[at + t] = sums[(k * 2u + c / 4u) * ${tapsW}u + t][c % 4u];
      }
    }
  }
}`;
}
