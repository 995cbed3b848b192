/**
 * Sliding-window inference: adds one window's logits, weighted, to the logits of the whole volume.
 *
 *   volume[o + d, c] += weight_D[d0]·weight_H[d1]·weight_W[d2] · logits[d, c]        d in the window, o its origin
 *
 * The sum of weights is the same for all classes of a voxel, so that argmax needs no division by it.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges, window } from '../windows.ts';

export interface AccumulateWindow {
  /** [1, d, h, w, C] */
  readonly logits: Tensor;
  /** [D, H, W, C] */
  readonly volume: Tensor;
  /** Of the window in the volume, D, H, W; what lies beyond the volume's end is left out. */
  readonly origin: readonly [number, number, number];
  /** f32 [d + h + w]: the weights along each axis. */
  readonly weights: Tensor;
}

export function accumulateWindow(gpu: Gpu, { logits, volume, origin, weights }: AccumulateWindow): Launch[] {
  const [, depth, height, width, classes] = logits.shape as [number, number, number, number, number];
  const [D, H, W] = volume.shape as [number, number, number];
  if (volume.shape[3] !== classes || elementCount(weights.shape) !== depth + height + width) {
    throw new Error(
      `accumulateWindow: [${logits.shape}] with ${elementCount(weights.shape)} weights does not fit [${volume.shape}]`,
    );
  }
  const planes = Math.min(depth, D - origin[0]);
  const rows = [
    { tensor: logits, rowElements: height * width * classes },
    { tensor: volume, rowElements: H * W * classes },
  ];
  return rowRanges(gpu, planes, rows).map(([start, end]) => {
    const z = window(logits, start * height * width * classes, end * height * width * classes);
    const v = window(volume, (origin[0] + start) * H * W * classes, (origin[0] + end) * H * W * classes);
    const countH = Math.min(height, H - origin[1]);
    const countW = Math.min(width, W - origin[2]);
    return prepare(gpu, {
      name: 'accumulateWindow',
      read: { z, weights },
      write: { v },
      params: {
        firstD: u32(start),
        countD: u32(end - start),
        countH: u32(countH),
        countW: u32(countW),
        depth: u32(depth),
        height: u32(height),
        width: u32(width),
        classes: u32(classes),
        shift: u32(z.shift),
        volumeShift: u32(v.shift),
        volumeH: u32(H),
        volumeW: u32(W),
        originH: u32(origin[1]),
        originW: u32(origin[2]),
      },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let w = i % p.countW;
  let h = (i / p.countW) % p.countH;
  let d = i / (p.countW * p.countH);
  if (d >= p.countD) { return; }
  let weight = weights[p.firstD + d] * weights[p.depth + h] * weights[p.depth + p.height + w];
  let source = p.shift + ((d * p.height + h) * p.width + w) * p.classes;
  let sum = p.volumeShift + ((d * p.volumeH + p.originH + h) * p.volumeW + p.originW + w) * p.classes;
  for (var c = 0u; c < p.classes; c++) { v[sum + c] = v_t(f32(v[sum + c]) + weight * f32(z[source + c])); }
}`,
      invocations: (end - start) * countH * countW,
    });
  });
}
