/**
 * Resampling of a volume along its axes, trilinear for images and nearest for labels.
 *
 *   source coordinate = scale·target + offset, clamped to the first and last voxel
 *
 * The coordinates are computed in double precision on the host, one table an axis, so that no rounding in f32
 * moves a voxel.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32, type Work } from '../kernel.ts';
import { fromArray, type Tensor } from '../tensor.ts';
import { viewElements, viewOf } from '../views.ts';

/** The map along one axis. */
export interface AxisMap {
  readonly scale: number;
  readonly offset: number;
}

/** The maps along D, H, W. */
export type AxisMaps = readonly [AxisMap, AxisMap, AxisMap];

/** A resampling: its tensors and its maps. */
export interface ResampleCall {
  /** [D, H, W]: f32 for trilinear, u8 for nearest. */
  readonly input: Tensor;
  readonly output: Tensor;
  readonly maps: AxisMaps;
  /** The planes that input and output hold, where they are parts of larger volumes; `maps` are those of the volumes. */
  readonly slab?: ResampleSlab | undefined;
}

/** Planes of a volume that has `inputDepth` of them, from `inputFrom` on, give the output's from `outputFrom` on. */
export interface ResampleSlab {
  readonly inputDepth: number;
  readonly inputFrom: number;
  readonly outputFrom: number;
}

/** Halves go up; coordinates of float32 affines are off by some 1e-5, so that a half is anything within this. */
const HALF_MARGIN = 1e-4;

/** The lower source index of each target index, and the share of the next one. */
export function linearTable({ scale, offset }: AxisMap, from: number, to: number): [number, number][] {
  return Array.from({ length: to }, (_, i) => {
    const x = Math.min(from - 1, Math.max(0, scale * i + offset));
    const lower = Math.min(Math.floor(x), Math.max(0, from - 2));
    return [lower, x - lower];
  });
}

function nearestTable({ scale, offset }: AxisMap, from: number, to: number): [number, number][] {
  return Array.from({ length: to }, (_, i) => {
    const x = Math.floor(scale * i + offset + 0.5 + HALF_MARGIN);
    return [Math.min(from - 1, Math.max(0, x)), 0];
  });
}

export function trilinear(gpu: Gpu, call: ResampleCall): Work {
  return resample(
    gpu,
    call,
    'resample.trilinear',
    linearTable,
    1,
    `
  let at = source(p.first + i);
  let dx = select(0u, 1u, p.inWidth > 1u);
  let dy = select(0u, p.inWidth, p.inHeight > 1u);
  let dz = select(0u, p.inWidth * p.inHeight, p.inDepth > 1u);
  let near = mix(mix(v[at.i], v[at.i + dx], at.x), mix(v[at.i + dy], v[at.i + dy + dx], at.x), at.y);
  let far = mix(mix(v[at.i + dz], v[at.i + dz + dx], at.x), mix(v[at.i + dz + dy], v[at.i + dz + dy + dx], at.x), at.y);
  out[i] = mix(near, far, at.z);`,
  );
}

export function nearest(gpu: Gpu, call: ResampleCall): Work {
  return resample(
    gpu,
    call,
    'resample.nearest',
    nearestTable,
    4,
    `
  var word = 0u; // four labels
  for (var k = 0u; k < 4u; k++) {
    let at = source(p.first + min(4u * i + k, p.count - 1u));
    word |= ((v[at.i / 4u] >> (8u * (at.i % 4u))) & 255u) << (8u * k);
  }
  out[i] = word;`,
  );
}

const SOURCE = `
struct Source { i: u32, x: f32, y: f32, z: f32 }
// The lower neighbour, as a place in the binding, and the shares of the upper ones.
fn source(target_: u32) -> Source {
  let tx = 2u * (p.atX + target_ % p.width);
  let ty = 2u * (p.atY + (target_ / p.width) % p.height);
  let tz = 2u * (target_ / (p.width * p.height));
  let voxel = (u32(table[tz]) * p.inHeight + u32(table[ty])) * p.inWidth + u32(table[tx]);
  return Source(p.shift + voxel - p.skipped, table[tx + 1u], table[ty + 1u], table[tz + 1u]);
}`;

function resample(
  gpu: Gpu,
  { input, output, maps, slab }: ResampleCall,
  name: string,
  tableOf: typeof linearTable,
  perInvocation: number,
  body: string,
): Work {
  const from = input.shape as [number, number, number];
  const to = output.shape as [number, number, number];
  if (from.length !== 3 || to.length !== 3 || input.dtype !== output.dtype) {
    throw new Error(
      `${name}: [D,H,W] of one dtype expected, got ${input.dtype} [${from}] and ${output.dtype} [${to}]`,
    );
  }
  const tables = maps.map((map, axis) => tableOf(map, from[axis]!, to[axis]!));
  if (slab) {
    const { inputDepth, inputFrom, outputFrom } = slab;
    const planes = tableOf(maps[0], inputDepth, outputFrom + to[0]).slice(outputFrom);
    tables[0] = planes.map(([lower, share]) => [lower - inputFrom, share]);
  }
  const table = fromArray(gpu, Float32Array.from(tables.flat(2)), [to[0] + to[1] + to[2], 2]);
  const plane = to[1] * to[2];
  const inPlane = from[1] * from[2];
  // Output voxels whose sources fit a binding: each plane of output adds `scale` planes of input, and three
  // more are touched at the ends.
  const inPlanes = Math.floor(viewElements(gpu, input) / inPlane) - 3;
  const outPlanes = Math.max(1, Math.floor(inPlanes / Math.max(Math.abs(maps[0].scale), 1e-6)));
  const size = Math.max(256, Math.floor(Math.min(outPlanes * plane, viewElements(gpu, output)) / 256) * 256);
  const launches: Launch[] = [];
  for (let first = 0; first < to[0] * plane; first += size) {
    const end = Math.min(to[0] * plane, first + size);
    const lowers = tables[0]!
      .slice(Math.floor(first / plane), Math.ceil(end / plane))
      .map(([lower]) => lower);
    const firstPlane = Math.min(...lowers);
    const v = viewOf(input, firstPlane * inPlane, Math.min(from[0], Math.max(...lowers) + 2) * inPlane);
    launches.push(
      prepare(gpu, {
        name,
        read: { v, table },
        write: { out: { tensor: output, start: first, count: end - first } },
        params: {
          first: u32(first),
          count: u32(end - first),
          height: u32(to[1]),
          width: u32(to[2]),
          inDepth: u32(from[0]),
          inHeight: u32(from[1]),
          inWidth: u32(from[2]),
          shift: u32(v.shift),
          skipped: u32(firstPlane * inPlane),
          atY: u32(to[0]),
          atX: u32(to[0] + to[1]),
        },
        code: `${SOURCE}
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (i * ${perInvocation}u >= p.count) { return; }${body}
}`,
        invocations: Math.ceil((end - first) / perInvocation),
      }),
    );
  }
  return { launches, scratch: [table] };
}
