/**
 * Labels on another grid, plane by plane: those of the logits interpolated there, as `argmax.ts` finds them.
 *
 *   label[h, w] = argmax_c Σ over the 8 neighbours of share · logits[neighbour, c]
 *
 * Pseudo-labels are coded as there, by the probability that the interpolated logits give the label.
 *
 * Source coordinates are those of `resample.ts`: along H and W from a table, along D for the whole plane.
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { type ShiftedView, viewOf } from '../views.ts';
import { labelCode, pseudoCode } from './argmax.ts';

/** A plane of another grid, between two planes of logits. */
export interface LogitsPlane {
  /** [D, H, W, C] */
  readonly logits: Tensor;
  /** The planes of D on either side of the wanted one, and the share of the second. */
  readonly planes: readonly [number, number];
  readonly share: number;
  /** f32 [h + w, 2]: the lower source index of each row and each column, and the share of the next one. */
  readonly table: Tensor;
  /** The plane's rows and columns, h and w. */
  readonly size: readonly [number, number];
}

/** The tensors, parameters and WGSL of kernels that interpolate logits: `interpolated` gives a channel at a voxel. */
export function logitsPlane({ logits, planes, share, table, size }: LogitsPlane) {
  const [, H, W, classes] = logits.shape as [number, number, number, number];
  const elements = H * W * classes;
  const [near, far] = planes.map((at) => viewOf(logits, at * elements, (at + 1) * elements)) as [
    ShiftedView,
    ShiftedView,
  ];
  return {
    read: { near, far, table },
    params: {
      share: f32(share),
      height: u32(size[0]),
      width: u32(size[1]),
      inHeight: u32(H),
      inWidth: u32(W),
      classes: u32(classes),
      nearShift: u32(near.shift),
      farShift: u32(far.shift),
    },
    interpolated: `
struct Place { corner: u32, dx: u32, dy: u32, x: f32, y: f32 }
fn place(at: u32) -> Place {
  let ty = 2u * (at / p.width);
  let tx = 2u * (p.height + at % p.width);
  return Place(
    (u32(table[ty]) * p.inWidth + u32(table[tx])) * p.classes,
    select(0u, p.classes, p.inWidth > 1u),
    select(0u, p.inWidth * p.classes, p.inHeight > 1u),
    table[tx + 1u],
    table[ty + 1u],
  );
}
fn interpolated(q: Place, c: u32) -> f32 {
  let n = p.nearShift + q.corner + c;
  let f = p.farShift + q.corner + c;
  let a = mix(mix(f32(near[n]), f32(near[n + q.dx]), q.x), mix(f32(near[n + q.dy]), f32(near[n + q.dy + q.dx]), q.x), q.y);
  let b = mix(mix(f32(far[f]), f32(far[f + q.dx]), q.x), mix(f32(far[f + q.dy]), f32(far[f + q.dy + q.dx]), q.x), q.y);
  return mix(a, b, p.share);
}`,
  };
}

export interface ArgmaxResampled extends LogitsPlane {
  /** u8: planes that begin `planeStride` elements apart, a multiple of 256. */
  readonly labels: Tensor;
  readonly planeStride: number;
  /** The plane of `labels` that is written. */
  readonly plane: number;
  /** The labels of the channels, where those are regions. */
  readonly regions?: readonly number[] | undefined;
  /** f32 [C]: the least probability that counts for each label, where labels are to be pseudo-labels; 0 for any. */
  readonly least?: Tensor | undefined;
}

export function argmaxResampled(gpu: Gpu, call: ArgmaxResampled): Launch {
  const { size, labels, planeStride, plane, regions, least } = call;
  if (regions && least) throw new Error('argmaxResampled: regions have no pseudo-labels');
  const voxels = size[0] * size[1];
  if (planeStride % 256 || planeStride < voxels) {
    throw new Error(
      `argmaxResampled: planes of ${planeStride} elements for [${size}], not a multiple of 256`,
    );
  }
  const { read, params, interpolated } = logitsPlane(call);
  const value = (c: string) => `interpolated(at, ${c})`;
  return prepare(gpu, {
    name: 'argmaxResampled',
    read: { ...read, ...(least && { least }) },
    write: { labels: { tensor: labels, start: plane * planeStride, count: voxels } },
    params,
    code: `${interpolated}
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let count = p.height * p.width;
  if (4u * i >= count) { return; }
  var word = 0u; // four labels
  for (var k = 0u; k < 4u; k++) {
    let at = place(min(4u * i + k, count - 1u));${labelCode(value, regions)}${least ? pseudoCode(value) : ''}
    word |= label << (8u * k);
  }
  labels[i] = word;
}`,
    invocations: Math.ceil(voxels / 4),
  });
}
