/**
 * Labels on another grid, plane by plane: the channel of the largest of the logits interpolated there.
 *
 *   label[h, w] = argmax_c Σ over the 8 neighbours of share · logits[neighbour, c]
 *
 * Source coordinates are those of `resample.ts`: along H and W from a table, along D for the whole plane.
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { window } from '../windows.ts';

export interface ArgmaxResampled {
  /** [D, H, W, C] */
  readonly logits: Tensor;
  /** The planes of D on either side of the wanted one, and the share of the second. */
  readonly planes: readonly [number, number];
  readonly share: number;
  /** f32 [h + w, 2]: of each row and each column the lower source index, and the share of the next one. */
  readonly table: Tensor;
  /** Of the plane: h, w. */
  readonly size: readonly [number, number];
  /** u8: planes of `planeStride` elements, a multiple of 256. */
  readonly labels: Tensor;
  readonly planeStride: number;
  /** Which plane of `labels` is written. */
  readonly plane: number;
}

export function argmaxResampled(gpu: Gpu, call: ArgmaxResampled): Launch {
  const { logits, planes, share, table, size, labels, planeStride, plane } = call;
  const [, H, W, classes] = logits.shape as [number, number, number, number];
  const [h, w] = size;
  if (planeStride % 256 || planeStride < h * w) {
    throw new Error(
      `argmaxResampled: planes of ${planeStride} elements for [${size}], not a multiple of 256`,
    );
  }
  const elements = H * W * classes;
  const [near, far] = planes.map((at) => window(logits, at * elements, (at + 1) * elements)) as [
    ReturnType<typeof window>,
    ReturnType<typeof window>,
  ];
  return prepare(gpu, {
    name: 'argmaxResampled',
    read: { near, far, table },
    write: { labels: { tensor: labels, start: plane * planeStride, count: h * w } },
    params: {
      share: f32(share),
      height: u32(h),
      width: u32(w),
      inHeight: u32(H),
      inWidth: u32(W),
      classes: u32(classes),
      nearShift: u32(near.shift),
      farShift: u32(far.shift),
    },
    code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let count = p.height * p.width;
  if (4u * i >= count) { return; }
  var word = 0u; // four labels
  for (var k = 0u; k < 4u; k++) {
    let at = min(4u * i + k, count - 1u);
    let ty = 2u * (at / p.width);
    let tx = 2u * (p.height + at % p.width);
    let corner = (u32(table[ty]) * p.inWidth + u32(table[tx])) * p.classes;
    let dx = select(0u, p.classes, p.inWidth > 1u);
    let dy = select(0u, p.inWidth * p.classes, p.inHeight > 1u);
    let y = table[ty + 1u];
    let x = table[tx + 1u];
    var best = 0.0;
    var label = 0u;
    for (var c = 0u; c < p.classes; c++) {
      let n = p.nearShift + corner + c;
      let f = p.farShift + corner + c;
      let a = mix(mix(f32(near[n]), f32(near[n + dx]), x), mix(f32(near[n + dy]), f32(near[n + dy + dx]), x), y);
      let b = mix(mix(f32(far[f]), f32(far[f + dx]), x), mix(f32(far[f + dy]), f32(far[f + dy + dx]), x), y);
      let value = mix(a, b, p.share);
      if (c == 0u || value > best) { best = value; label = c; }
    }
    word |= label << (8u * k);
  }
  labels[i] = word;
}`,
    invocations: Math.ceil((h * w) / 4),
  });
}
