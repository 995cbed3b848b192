/**
 * The weight gradient (see `correlation.ts`) as an implicit GEMM over voxels. A workgroup computes `depth` gathered
 * channels × `channels` of the centre × all taps along W, for one tap of D and of H and one share of the rows. It walks
 * along the rows by `width` voxels: a strip of the gathered tensor, which all taps share, and one of the centre.
 */
import type { Gpu } from '../../device.ts';
import { type Launch, prepare, u32 } from '../../kernel.ts';
import { lines, range } from '../wgsl.ts';
import { type Correlation, correlationViews, type WeightGradientCall } from './correlation.ts';
import { FRAGMENT, LANES, type MatrixText, matrixText } from './matrix.ts';
import { haloOf, type Residue, residues } from './residues.ts';
import { hasMatrices, PAD, type SharedTile } from './tile.ts';
import { fetchFunction, GROUP_INDEX, loopEnd, WORKGROUP_IDS } from './tiledText.ts';

/** Workgroups that work on one share. */
export function tiledWorkgroups({ gathered, centre, dWeight }: WeightGradientCall, tile: SharedTile): number {
  const [, , tapsD, tapsH] = dWeight.shape as [number, number, number, number];
  const tilesA = gathered.reduce((sum, t) => sum + Math.ceil(t.shape[4]! / tile.depth), 0);
  return tapsD * tapsH * tilesA * Math.ceil(centre.shape[4]! / tile.channels);
}

export function correlateTiled(gpu: Gpu, correlation: Correlation, tile: SharedTile): Launch {
  const { call, slab, index, shares } = correlation;
  const { read, params } = correlationViews(correlation);
  const a = call.gathered[index]!.shape[4]!;
  const [b, , tapsD, tapsH, tapsW] = call.dWeight.shape as [number, number, number, number, number];
  const tilesA = Math.ceil(a / tile.depth);
  const tilesB = Math.ceil(b / tile.channels);
  const groups = slab.shares * tapsD * tapsH * tilesA * tilesB;
  const text = matrixText(hasMatrices(gpu));
  return prepare(gpu, {
    name: call.name,
    read,
    write: { partial: shares },
    params: { ...params, groups: u32(groups), tilesA: u32(tilesA), tilesB: u32(tilesB) },
    directives: tile.kernel === 'matrix' ? text.directives : [],
    code: tiledCode({
      tile,
      text,
      vecA: Boolean(read.x.vec4),
      vecB: Boolean(read.g.vec4),
      isNormed: call.norm !== undefined,
      tapsW,
      strideW: call.stride[2],
      end: loopEnd(gpu),
    }),
    workgroupSize: tile.threads,
    invocations: groups * tile.threads,
  });
}

interface TiledShape {
  readonly tile: SharedTile;
  readonly text: MatrixText;
  readonly vecA: boolean;
  readonly vecB: boolean;
  readonly isNormed: boolean;
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
  multiply(residue: Residue): string;
  readonly finish: string;
}

const tapOf = ({ residue }: Residue, place: number, strideW: number) => place * strideW + residue;

function tiledCode(shape: TiledShape): string {
  const { tile, vecA, vecB, isNormed, tapsW, strideW } = shape;
  const parts = residues(tapsW, strideW);
  const voxels = tile.width + haloOf(parts);
  const m = tile.kernel === 'fma' ? fma(shape) : matrix(shape);
  const rowA = (tile.depth + PAD) / 4;
  const rowB = (tile.channels + PAD) / 4;
  return `
var<workgroup> strip: array<vec4<${m.scalar}>, ${voxels * rowA}>;
var<workgroup> centre: array<vec4<${m.scalar}>, ${tile.width * rowB}>;
${m.declarations}

${fetchFunction({ name: 'fetchA', array: 'x', channels: 'p.a', scalar: m.scalar, isVec4: vecA, isNormed })}
${fetchFunction({ name: 'fetchB', array: 'g', channels: 'p.b', scalar: m.scalar, isVec4: vecB, isNormed: false })}

// Writes one weight of this workgroup's share.
fn put(share: u32, tap: u32, a: u32, b: u32, sum: f32) {
  if (a >= p.a || b >= p.b) { return; }
  let taps = p.tapsD * p.tapsH * ${tapsW}u;
  partial[(((p.firstShare + share) * p.b + b) * p.aTotal + p.firstA + a) * taps + tap] = sum;
}

@compute @workgroup_size(${tile.threads}) fn main(${WORKGROUP_IDS}) {
  let group = ${GROUP_INDEX};
  if (group >= p.groups) { return; }
  let b0 = group % p.tilesB * ${tile.channels}u;
  let a0 = group / p.tilesB % p.tilesA * ${tile.depth}u;
  let line = group / (p.tilesB * p.tilesA) % (p.tapsD * p.tapsH);
  let share = group / (p.tilesB * p.tilesA * p.tapsD * p.tapsH);
  let td = i32(line / p.tapsH);
  let th = i32(line % p.tapsH);
  ${m.sums}

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  let end = min(p.rows, (share + 1u) * rowsPerShare);
  for (var r = share * rowsPerShare; r < end; r++) {
    let h = i32(r % p.height) * p.strideH + p.baseH + th;
    let d = (i32(r / p.height) + p.firstD) * p.strideD + p.baseD + td;
    if (h < 0 || h >= p.inHeight || d < 0 || d >= p.inDepth) { continue; }
    for (var w0 = 0u; w0 < p.width; w0 += ${tile.width}u) {
      ${parts
        .map(
          (part, index) => `workgroupBarrier();
      ${
        index === 0
          ? `for (var i = lane; i < ${(tile.width * tile.channels) / 4}u; i += ${tile.threads}u) {
        let c = i % ${tile.channels / 4}u;
        let w = i / ${tile.channels / 4}u;
        var value = vec4<${m.scalar}>(0);
        if (w0 + w < p.width) { value = fetchB(p.shift + (r * p.width + w0 + w) * p.b, 0u, b0 + c * 4u); }
        centre[w * ${rowB}u + c] = value;
      }`
          : ''
      }
      for (var i = lane; i < ${(voxels * tile.depth) / 4}u; i += ${tile.threads}u) {
        let c = i % ${tile.depth / 4}u;
        let voxel = i / ${tile.depth / 4}u;
        let w = i32((w0 + voxel) * ${strideW}u) + p.baseW + ${part.residue};
        var value = vec4<${m.scalar}>(0);
        if (w >= 0 && w < p.inWidth) {
          value = fetchA(u32(p.inShift + ((d * p.inHeight + h) * p.inWidth + w) * i32(p.a)), p.item, a0 + c * 4u);
        }
        strip[voxel * ${rowA}u + c] = value;
      }
      workgroupBarrier();
      ${m.multiply(part)}`,
        )
        .join('\n      ')}
    }
  }
  ${m.finish}
}`;
}

/** Each invocation keeps 4 channels of `a` × 4 of `b` × all taps along W. */
function fma({ tile, tapsW, strideW, end }: TiledShape): Multiplier {
  const rowA = (tile.depth + PAD) / 4;
  const rowB = (tile.channels + PAD) / 4;
  const sums = range(tapsW).flatMap((t) => range(4).map((k) => ({ t, k })));
  return {
    scalar: 'f32',
    declarations: '',
    sums: `let blockA = lane / ${tile.channels / 4}u;
  let blockB = lane % ${tile.channels / 4}u;
  ${sums.map(({ t, k }) => `var sum${t}_${k} = vec4<f32>(0);`).join(' ')}`,
    multiply: (part) => `for (var w = 0u; w < ${end(tile.width)}; w++) {
        let b = centre[w * ${rowB}u + blockB];
        ${lines(part.places, (place) => {
          const t = tapOf(part, place, strideW);
          return `{ let a = strip[(w + ${place}u) * ${rowA}u + blockA];
        ${range(4)
          .map((k) => `sum${t}_${k} = fma(vec4(a[${k}]), b, sum${t}_${k});`)
          .join(' ')} }`;
        })}
      }`,
    finish: `var sums = array<vec4<f32>, ${sums.length}>(${sums.map(({ t, k }) => `sum${t}_${k}`).join(', ')});
  for (var i = 0u; i < ${end(4 * sums.length)}; i++) {
    put(share, line * ${tapsW}u + i / 16u, a0 + blockA * 4u + i / 4u % 4u, b0 + blockB * 4u + i % 4u, sums[i / 4u][i % 4u]);
  }`,
  };
}

/** Accumulators that a subgroup keeps at most. */
const MOST_FRAGMENTS = 16;

/**
 * Subgroups share the fragments of `a` and `b` until each keeps few enough; those left over share the voxels, and
 * their sums are added at the end.
 */
function matrix({ tile, text, tapsW, strideW }: TiledShape): Multiplier {
  const rowA = (tile.depth + PAD) / 4;
  const rowB = (tile.channels + PAD) / 4;
  const subgroups = tile.threads / LANES;
  let [countA, countB] = [tile.depth / FRAGMENT, tile.channels / FRAGMENT];
  let splits = 1;
  while (countA * countB * tapsW > MOST_FRAGMENTS && splits < subgroups && countA * countB > 1) {
    if (countB >= countA) countB /= 2;
    else countA /= 2;
    splits *= 2;
  }
  const splitB = tile.channels / FRAGMENT / countB;
  const along = subgroups / splits;
  const [fragmentsA, fragmentsB] = [range(countA), range(countB)];
  const stage = (FRAGMENT * FRAGMENT) / 4;
  const sums = range(tapsW).flatMap((t) =>
    fragmentsA.flatMap((a) => fragmentsB.map((b) => ({ t, a, b, name: `sum${t}_${a}_${b}` }))),
  );
  const left = (place: number, a: number) => ({
    name: `left${a}`,
    array: 'strip',
    offset: `(k * ${FRAGMENT}u + ${place}u) * ${rowA}u + (blockA + ${a}u) * ${FRAGMENT / 4}u`,
    stride: `${rowA}u`,
    transposed: true,
  });
  const right = (b: number) => ({
    name: `right${b}`,
    array: 'centre',
    offset: `k * ${FRAGMENT * rowB}u + (blockB + ${b}u) * ${FRAGMENT / 4}u`,
    stride: `${rowB}u`,
  });
  return {
    scalar: 'f16',
    declarations: `var<workgroup> stage: array<vec4<f32>, ${subgroups * stage}>;`,
    sums: `let subgroup = lane / ${LANES}u;
  let part = subgroup / ${splits}u;
  let blockB = subgroup % ${splitB}u * ${countB}u;
  let blockA = subgroup % ${splits}u / ${splitB}u * ${countA}u;
  ${sums.map(({ name }) => `var ${name}: ${text.accumulator};`).join(' ')}`,
    multiply: (part) => `for (var k = part; k < ${tile.width / FRAGMENT}u; k += ${along}u) {
        ${fragmentsB.map((b) => text.load('right', right(b))).join('\n        ')}
        ${range(part.places)
          .flatMap((place) =>
            fragmentsA.map((a) => {
              const t = tapOf(part, place, strideW);
              return `{ ${text.load('left', left(place, a))}
        ${fragmentsB.map((b) => text.multiplyAdd(`sum${t}_${a}_${b}`, left(place, a), right(b))).join('\n        ')} }`;
            }),
          )
          .join('\n        ')}
      }`,
    finish: sums
      .map(
        ({ t, a, b, name }) => `workgroupBarrier();
  ${text.store(name, 'stage', `subgroup * ${stage}u`, `${FRAGMENT / 4}u`)}
  workgroupBarrier();
  if (part == 0u) {
    for (var i = lane % ${LANES}u; i < ${FRAGMENT * FRAGMENT}u; i += ${LANES}u) {
      var sum = 0.0;
      for (var s = subgroup; s < ${subgroups}u; s += ${splits}u) { sum += stage[s * ${stage}u + i / 4u][i % 4u]; }
      put(share, line * ${tapsW}u + ${t}u, a0 + (blockA + ${a}u) * ${FRAGMENT}u + i / ${FRAGMENT}u, b0 + (blockB + ${b}u) * ${FRAGMENT}u + i % ${FRAGMENT}u, sum);
    }
  }`,
      )
      .join('\n  '),
  };
}
