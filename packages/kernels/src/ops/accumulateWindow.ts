/**
 * Sliding-window inference: adds one window's logits, weighted, to the logits of the volume.
 *
 *   volume[o + d, c] += weight_D[d0]·weight_H[d1]·weight_W[d2] · logits[m(d), c]      d in the window, o its origin
 *
 * m mirrors the axes along which the network saw the window mirrored. Voxels outside the volume are left out.
 *
 * Weights that are no product over the axes are divided by their sum over all windows at the voxel as they are used:
 *
 *   volume[o + d, c] += scale · map[d] / Σ over windows o′ that hold o + d of map[o + d − o′] · logits[m(d), c]
 *
 * The volume is held as a ring of planes (`ring.ts`).
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, u32 } from '../kernel.ts';
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
  /** [R, H, W, classes]: the ring, R planes of the volume. */
  readonly volume: Tensor;
  /** The class of the logits' first channel, and the channels before those that are added; 0 and 0 unless given. */
  readonly channels?: { readonly firstClass: number; readonly skip: number };
  /** The number of planes of the whole volume. */
  readonly depth: number;
  /** The place of the window's first voxel in the volume; it may lie outside. */
  readonly origin: Dhw;
  readonly mirrored: Mirrored;
  /** f32: tables of weights, d, h or w long, that begin at `weightsAt`; or weights that are no product over the axes. */
  readonly weights: Tensor | WeightMap;
  readonly weightsAt: Dhw;
}

/** Weights of a window's voxels, and where all windows of the volume lie. */
export interface WeightMap {
  /** f32 [d, h, w] */
  readonly map: Tensor;
  /** u32, what `windowTable` gives. */
  readonly windows: Tensor;
  /** Factor of all weights. */
  readonly scale: number;
  /** The volume that windows lie in, and the column of it that the tensor's first one is. */
  readonly size: Dhw;
  readonly left: number;
}

/**
 * The windows of a volume on a grid, given their first voxels along each axis in rising order: for each index along D,
 * then H, then W, the place in this table of the first window that holds it, and the number of them; then those first
 * voxels themselves.
 */
export function windowTable(
  size: Dhw,
  patch: Dhw,
  origins: readonly (readonly number[])[],
): Uint32Array<ArrayBuffer> {
  let base = 2 * size.reduce((sum, n) => sum + n, 0);
  const holding = origins.flatMap((starts, axis) => {
    const entries = Array.from({ length: size[axis]! }, (_, index) => {
      const holds = (start: number) => start <= index && index < start + patch[axis]!;
      return [base + starts.findIndex(holds), starts.filter(holds).length];
    });
    base += starts.length;
    return entries.flat();
  });
  return Uint32Array.from([...holding, ...origins.flat()]);
}

export function accumulateWindow(gpu: Gpu, call: AccumulateWindow): Launch[] {
  const { logits, item, volume, depth, origin, mirrored, weights, weightsAt } = call;
  const { firstClass, skip } = call.channels ?? { firstClass: 0, skip: 0 };
  const { read, weightParams, functions, weight } = weightCode(weights);
  const [items, ...size] = logits.shape as [number, number, number, number, number];
  const [d, h, w, channels] = size;
  const [R, H, W, classes] = volume.shape as [number, number, number, number];
  const isMeant = call.channels ? firstClass + channels <= classes : channels === classes;
  if (!isMeant || item >= items) {
    throw new Error(`accumulateWindow: window ${item} of [${logits.shape}] does not fit [${volume.shape}]`);
  }
  const clipped = (axis: number, length: number, limit: number) => {
    const first = Math.max(0, -origin[axis]!);
    return { first, count: Math.min(length, limit - origin[axis]!) - first };
  };
  const [z, y, x] = [clipped(0, d, depth), clipped(1, h, H), clipped(2, w, W)];
  if (z.count <= 0 || y.count <= 0 || x.count <= 0) return [];
  const from = origin[0] + z.first;
  const plane = h * w * channels;
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
        read: { l, ...read },
        write: { v },
        params: {
          countD: u32(end - start),
          countH: u32(y.count),
          countW: u32(x.count),
          firstH: u32(y.first),
          firstW: u32(x.first),
          height: u32(h),
          width: u32(w),
          channels: u32(channels),
          skip: u32(skip),
          classes: u32(classes),
          firstClass: u32(firstClass),
          shift: u32(l.shift),
          volumeShift: u32(v.shift),
          volumeH: u32(H),
          volumeW: u32(W),
          atH: u32(origin[1] + y.first),
          atW: u32(origin[2] + x.first),
          weightD: u32(('map' in weights ? 0 : weightsAt[0]) + firstD),
          weightH: u32(weightsAt[1] + y.first),
          weightW: u32(weightsAt[2] + x.first),
          ...weightParams(run.from + start),
          ...mirrorParams(mirrored),
        },
        code: `${functions}
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let x = i % p.countW;
  let y = (i / p.countW) % p.countH;
  let z = i / (p.countW * p.countH);
  if (z >= p.countD) { return; }
  let weight = ${weight};
  let d = select(z, p.countD - 1u - z, p.mirrorD == 1u);
  let h = select(p.firstH + y, p.height - 1u - p.firstH - y, p.mirrorH == 1u);
  let w = select(p.firstW + x, p.width - 1u - p.firstW - x, p.mirrorW == 1u);
  let source = p.shift + ((d * p.height + h) * p.width + w) * p.channels;
  let sum = p.volumeShift + ((z * p.volumeH + p.atH + y) * p.volumeW + p.atW + x) * p.classes + p.firstClass;
  for (var c = p.skip; c < p.channels; c++) { v[sum + c] = v_t(f32(v[sum + c]) + weight * f32(l[source + c])); }
}`,
        invocations: (end - start) * y.count * x.count,
      });
    }),
  );
}

/** What the kernel reads of the weights, and WGSL that gives the weight of the voxel z, y, x of the part in work. */
function weightCode(weights: Tensor | WeightMap) {
  if (!('map' in weights))
    return {
      read: { weights } as Record<string, Tensor>,
      weightParams: () => ({}),
      functions: '',
      weight: 'weights[p.weightD + z] * weights[p.weightH + y] * weights[p.weightW + x]',
    };
  const { map, windows, scale, size, left } = weights;
  return {
    read: { map, windows } as Record<string, Tensor>,
    weightParams: (plane: number) => ({
      plane: u32(plane),
      left: u32(left),
      scale: f32(scale),
      depth: u32(size[0]),
      rows: u32(size[1]),
    }),
    functions: `
fn weightSum(z: u32, y: u32, x: u32) -> f32 {
  let inD = 2u * z;
  let inH = 2u * (p.depth + y);
  let inW = 2u * (p.depth + p.rows + x);
  var sum = 0.0;
  for (var a = 0u; a < windows[inD + 1u]; a++) {
    let d = z - windows[windows[inD] + a]; // of windows that begin outside both wrap, and the difference is right
    for (var b = 0u; b < windows[inH + 1u]; b++) {
      let h = y - windows[windows[inH] + b];
      for (var c = 0u; c < windows[inW + 1u]; c++) {
        sum += map[(d * p.height + h) * p.width + x - windows[windows[inW] + c]];
      }
    }
  }
  return sum;
}`,
    weight: `p.scale * map[((p.weightD + z) * p.height + p.firstH + y) * p.width + p.firstW + x]
    / weightSum(p.plane + z, p.atH + y, p.left + p.atW + x)`,
  };
}
