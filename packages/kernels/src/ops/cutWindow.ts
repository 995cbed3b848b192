/**
 * Sliding-window inference: cuts one window out of a volume into one channel of a batch of windows.
 *
 *   windows[n, m(d), c] = volume[o + d], 0 outside the volume        d in the window, o its origin
 *
 * m mirrors axes. The volume is held as a ring of planes (`ring.ts`). Planes of the window outside the volume are
 * left as they are: `clear` the batch first where there are any.
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { i32, type Launch, prepare, u32 } from '../kernel.ts';
import { ringRuns } from '../ring.ts';
import type { Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';
import { type Mirrored, mirrorParams } from './accumulateWindow.ts';

export interface CutWindow {
  /** f32 [R, H, W]: the ring, R planes of the volume. */
  readonly volume: Tensor;
  /** The number of planes of the whole volume. */
  readonly depth: number;
  /** The place of the window's first voxel in the volume; it may lie outside. */
  readonly origin: Dhw;
  readonly mirrored: Mirrored;
  /** f32 [N, d, h, w, C] */
  readonly windows: Tensor;
  /** The window's place among the N. */
  readonly item: number;
  /** The channel among the C; the first unless given. */
  readonly channel?: number;
}

export function cutWindow(gpu: Gpu, call: CutWindow): Launch[] {
  const { volume, depth, origin, mirrored, windows, item, channel = 0 } = call;
  const [items, d, h, w, channels] = windows.shape as [number, number, number, number, number];
  const [R, H, W] = volume.shape as [number, number, number];
  if (channel >= channels || item >= items || d > R) {
    throw new Error(
      `cutWindow: window ${item}, channel ${channel} of [${windows.shape}] from a ring of [${volume.shape}]`,
    );
  }
  const rows = [
    { tensor: windows, rowElements: h * w * channels },
    { tensor: volume, rowElements: H * W },
  ];
  const from = Math.max(0, origin[0]);
  const to = Math.min(depth, origin[0] + d);
  return ringRuns(from, to, R).flatMap((run) =>
    rowRanges(gpu, run.to - run.from, rows).map(([start, end]) => {
      const firstD = run.from + start - origin[0];
      const seenFrom = item * d + (mirrored[0] ? d - firstD - (end - start) : firstD);
      const plane = h * w * channels;
      const out = viewOf(windows, seenFrom * plane, (seenFrom + end - start) * plane);
      const v = viewOf(volume, (run.at + start) * H * W, (run.at + end) * H * W);
      return prepare(gpu, {
        name: 'cutWindow',
        read: { v },
        write: { out },
        params: {
          planes: u32(end - start),
          height: u32(h),
          width: u32(w),
          volumeH: u32(H),
          volumeW: u32(W),
          shift: u32(v.shift),
          outShift: u32(out.shift + channel),
          channels: u32(channels),
          originH: i32(origin[1]),
          originW: i32(origin[2]),
          ...mirrorParams(mirrored),
        },
        code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let w = i % p.width;
  let h = (i / p.width) % p.height;
  let d = i / (p.width * p.height);
  if (d >= p.planes) { return; }
  let z = select(d, p.planes - 1u - d, p.mirrorD == 1u);
  let y = p.originH + i32(select(h, p.height - 1u - h, p.mirrorH == 1u));
  let x = p.originW + i32(select(w, p.width - 1u - w, p.mirrorW == 1u));
  var value = 0.0;
  if (y >= 0 && y < i32(p.volumeH) && x >= 0 && x < i32(p.volumeW)) {
    value = v[p.shift + (z * p.volumeH + u32(y)) * p.volumeW + u32(x)];
  }
  out[p.outShift + i * p.channels] = value;
}`,
        invocations: (end - start) * h * w,
      });
    }),
  );
}
