/**
 * Sliding-window inference: adds one window's logits, weighted, to the logits of the volume.
 *
 *   volume[o + d, c] += weight_D[d0]·weight_H[d1]·weight_W[d2] · logits[m(d), c]      d in the window, o its origin
 *
 * m mirrors the axes along which the network saw the window mirrored. Voxels outside the volume are left out.
 * The volume is held as a ring of planes (`ring.ts`).
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { ringRuns } from '../ring.ts';
import type { Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';

export type Mirrored = readonly [boolean, boolean, boolean];
export const NOT_MIRRORED: Mirrored = [false, false, false];

export const mirrorParams = ([d, h, w]: Mirrored) => ({
  mirrorD: u32(d ? 1 : 0),
  mirrorH: u32(h ? 1 : 0),
  mirrorW: u32(w ? 1 : 0),
});

export interface AccumulateWindow {
  /** [N, d, h, w, C] */
  readonly logits: Tensor;
  /** The window's place among the N. */
  readonly item: number;
  /** [R, H, W, C]: the ring, R planes of the volume. */
  readonly volume: Tensor;
  /** The number of planes of the whole volume. */
  readonly depth: number;
  /** The place of the window's first voxel in the volume; it may lie outside. */
  readonly origin: Dhw;
  readonly mirrored: Mirrored;
  /** f32: three tables of weights, d, h and w long, which begin at the places `weightsAt`. */
  readonly weights: Tensor;
  readonly weightsAt: Dhw;
}

export function accumulateWindow(gpu: Gpu, call: AccumulateWindow): Launch[] {
  const { logits, item, volume, depth, origin, mirrored, weights, weightsAt } = call;
  const [items, ...size] = logits.shape as [number, number, number, number, number];
  const [d, h, w, classes] = size;
  const [R, H, W] = volume.shape as [number, number, number];
  if (volume.shape[3] !== classes || item >= items) {
    throw new Error(`accumulateWindow: window ${item} of [${logits.shape}] does not fit [${volume.shape}]`);
  }
  const clipped = (axis: number, length: number, limit: number) => {
    const first = Math.max(0, -origin[axis]!);
    return { first, count: Math.min(length, limit - origin[axis]!) - first };
  };
  const [z, y, x] = [clipped(0, d, depth), clipped(1, h, H), clipped(2, w, W)];
  if (z.count <= 0 || y.count <= 0 || x.count <= 0) return [];
  const from = origin[0] + z.first;
  const plane = h * w * classes;
  const rows = [
    { tensor: logits, rowElements: plane },
    { tensor: volume, rowElements: H * W * classes },
  ];
  return ringRuns(from, from + z.count, R).flatMap((run) =>
    rowRanges(gpu, run.to - run.from, rows).map(([start, end]) => {
      // The window's planes, and their places in what the network saw.
      const firstD = run.from + start - origin[0];
      const seenFrom = item * d + (mirrored[0] ? d - firstD - (end - start) : firstD);
      const l = viewOf(logits, seenFrom * plane, (seenFrom + end - start) * plane);
      const v = viewOf(volume, (run.at + start) * H * W * classes, (run.at + end) * H * W * classes);
      return prepare(gpu, {
        name: 'accumulateWindow',
        read: { l, weights },
        write: { v },
        params: {
          countD: u32(end - start),
          countH: u32(y.count),
          countW: u32(x.count),
          firstH: u32(y.first),
          firstW: u32(x.first),
          height: u32(h),
          width: u32(w),
          classes: u32(classes),
          shift: u32(l.shift),
          volumeShift: u32(v.shift),
          volumeH: u32(H),
          volumeW: u32(W),
          atH: u32(origin[1] + y.first),
          atW: u32(origin[2] + x.first),
          weightD: u32(weightsAt[0] + firstD),
          weightH: u32(weightsAt[1] + y.first),
          weightW: u32(weightsAt[2] + x.first),
          ...mirrorParams(mirrored),
        },
        code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let x = i % p.countW;
  let y = (i / p.countW) % p.countH;
  let z = i / (p.countW * p.countH);
  if (z >= p.countD) { return; }
  let weight = weights[p.weightD + z] * weights[p.weightH + y] * weights[p.weightW + x];
  let d = select(z, p.countD - 1u - z, p.mirrorD == 1u);
  let h = select(p.firstH + y, p.height - 1u - p.firstH - y, p.mirrorH == 1u);
  let w = select(p.firstW + x, p.width - 1u - p.firstW - x, p.mirrorW == 1u);
  let source = p.shift + ((d * p.height + h) * p.width + w) * p.classes;
  let sum = p.volumeShift + ((z * p.volumeH + p.atH + y) * p.volumeW + p.atW + x) * p.classes;
  for (var c = 0u; c < p.classes; c++) { v[sum + c] = v_t(f32(v[sum + c]) + weight * f32(l[source + c])); }
}`,
        invocations: (end - start) * y.count * x.count,
      });
    }),
  );
}
