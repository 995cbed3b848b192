/**
 * How sure a network is of what it calls each foreground class. For each class c but the first, over the voxels whose
 * largest logit it has, p = softmax(logits), C classes:
 *
 *   sums[c] += (number of voxels, Σ max p, Σ entropy)        entropy = −Σ_c p_c·ln p_c / ln C, from 0 to 1
 *
 * A voxel's probability and entropy are rounded to 2⁻¹⁸, so that sums do not depend on the order of voxels.
 */
import type { Gpu } from '../device.ts';
import { f32, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges, viewElements, viewOf } from '../views.ts';
import { addShares } from './reduce.ts';

const GROUP = 64;
/** The most voxels that a workgroup sums: a u32 holds as many ones in 2⁻¹⁸. */
const STRIP = 4096;

export interface Confidence {
  /** [..., C] */
  readonly logits: Tensor;
  /** f32 [C, 3]; added to. */
  readonly sums: Tensor;
  /** The first voxel, and the number of voxels; all of them unless given. */
  readonly first?: number;
  readonly voxels?: number;
}

export function confidence(gpu: Gpu, { logits, sums, first = 0, ...call }: Confidence): Work {
  const classes = logits.shape.at(-1)!;
  const voxels = call.voxels ?? elementCount(logits.shape) / classes - first;
  const fitting = GROUP * Math.floor(viewElements(gpu, logits) / (GROUP * classes));
  const strip = Math.min(STRIP, fitting);
  const strips = Math.ceil(voxels / strip);
  const shares = empty(gpu, [strips, classes, 3]);
  const ranges = rowRanges(gpu, voxels, [{ tensor: logits, rowElements: classes }], strip);
  const launches = ranges.map(([start, end]) => {
    const z = viewOf(logits, (first + start) * classes, (first + end) * classes);
    return prepare(gpu, {
      name: 'confidence',
      read: { z },
      write: { shares },
      params: {
        voxels: u32(end - start),
        shift: u32(z.shift),
        firstStrip: u32(start / strip),
        perLog: f32(1 / Math.log(classes)),
      },
      code: `
const classes = ${classes}u;
const rows = ${3 * classes}u;
const one = ${2 ** 18}.0;
var<workgroup> sums: array<atomic<u32>, rows>;
@compute @workgroup_size(${GROUP}) fn main(id: Id) {
  let strip = groupIndex(id);
  for (var i = id.lane; i < rows; i += ${GROUP}u) { atomicStore(&sums[i], 0u); }
  workgroupBarrier();
  let end = min(p.voxels, (strip + 1u) * ${strip}u);
  for (var v = strip * ${strip}u + id.lane; v < end; v += ${GROUP}u) {
    let at = p.shift + v * classes;
    var top = f32(z[at]);
    var label = 0u;
    for (var c = 1u; c < classes; c++) {
      let logit = f32(z[at + c]);
      if (logit > top) { top = logit; label = c; }
    }
    if (label == 0u) { continue; }
    var total = 0.0;
    var weighted = 0.0;
    for (var c = 0u; c < classes; c++) {
      let below = f32(z[at + c]) - top;
      total += exp(below);
      weighted += exp(below) * below;
    }
    atomicAdd(&sums[3u * label], 1u);
    atomicAdd(&sums[3u * label + 1u], u32(one / total + 0.5));
    atomicAdd(&sums[3u * label + 2u], u32(one * max(0.0, (log(total) - weighted / total) * p.perLog) + 0.5));
  }
  workgroupBarrier();
  for (var i = id.lane; i < rows; i += ${GROUP}u) {
    let scale = select(1.0 / one, 1.0, i % 3u == 0u);
    shares[(p.firstStrip + strip) * rows + i] = f32(atomicLoad(&sums[i])) * scale;
  }
}`,
      workgroupSize: GROUP,
      invocations: Math.ceil((end - start) / strip) * GROUP,
    });
  });
  const total = addShares(gpu, 'confidence.sum', { shares, count: strips, output: sums, accumulate: true });
  return { launches: [...launches, total], scratch: [shares] };
}
