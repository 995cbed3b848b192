/**
 * How sure a network is of what it calls foreground. Over the voxels whose largest logit is not the first, p =
 * softmax(logits), C classes:
 *
 *   sums += (number of voxels, Σ max p, Σ entropy)        entropy = −Σ_c p_c·ln p_c / ln C, from 0 to 1
 */
import type { Gpu } from '../device.ts';
import { f32, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';
import { addShares } from './reduce.ts';

/** The number of voxels that an invocation sums. */
const STRIP = 256;

export interface Confidence {
  /** [..., C] */
  readonly logits: Tensor;
  /** f32 [3]; added to. */
  readonly sums: Tensor;
  /** The first voxel, and the number of voxels; all of them unless given. */
  readonly first?: number;
  readonly voxels?: number;
}

export function confidence(gpu: Gpu, { logits, sums, first = 0, ...call }: Confidence): Work {
  const classes = logits.shape.at(-1)!;
  const voxels = call.voxels ?? elementCount(logits.shape) / classes - first;
  const strips = Math.ceil(voxels / STRIP);
  const shares = empty(gpu, [strips, 3]);
  const ranges = rowRanges(gpu, voxels, [{ tensor: logits, rowElements: classes }], STRIP);
  const launches = ranges.map(([start, end]) => {
    const z = viewOf(logits, (first + start) * classes, (first + end) * classes);
    return prepare(gpu, {
      name: 'confidence',
      read: { z },
      write: { shares },
      params: {
        voxels: u32(end - start),
        classes: u32(classes),
        shift: u32(z.shift),
        firstStrip: u32(start / STRIP),
        perLog: f32(1 / Math.log(classes)),
      },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let strip = invocation(id);
  let first = strip * ${STRIP}u;
  if (first >= p.voxels) { return; }
  var sum = vec3<f32>(0.0);
  for (var v = first; v < min(p.voxels, first + ${STRIP}u); v++) {
    let at = p.shift + v * p.classes;
    var top = f32(z[at]);
    let background = top;
    for (var c = 1u; c < p.classes; c++) { top = max(top, f32(z[at + c])); }
    if (top == background) { continue; }
    var total = 0.0;
    var weighted = 0.0;
    for (var c = 0u; c < p.classes; c++) {
      let below = f32(z[at + c]) - top;
      total += exp(below);
      weighted += exp(below) * below;
    }
    sum += vec3<f32>(1.0, 1.0 / total, (log(total) - weighted / total) * p.perLog);
  }
  let share = 3u * (p.firstStrip + strip);
  shares[share] = sum.x;
  shares[share + 1u] = sum.y;
  shares[share + 2u] = sum.z;
}`,
      invocations: Math.ceil((end - start) / STRIP),
    });
  });
  const total = addShares(gpu, 'confidence.sum', { shares, count: strips, output: sums, accumulate: true });
  return { launches: [...launches, total], scratch: [shares] };
}
