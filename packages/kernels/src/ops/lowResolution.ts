/**
 * What a coarser scan would have shown, on the same grid: every axis of n voxels is sampled at
 * m = max(1, round(zoom·n)) of them, the nearest to the middles of m equal parts, and interpolated linearly.
 *
 *   output[i] = (1 − share)·input[nearest(j)] + share·input[nearest(j + 1)]      j + share = (i + ½)·m/n − ½
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, fromArray, type Tensor } from '../tensor.ts';
import { lines } from './wgsl.ts';

/** The work for two tensors f32 [D, H, W], both bound whole; `zooms` are those along D, H, W. */
export function lowResolution(
  gpu: Gpu,
  { input, output, zooms }: { input: Tensor; output: Tensor; zooms: Dhw },
): Work {
  const [depth, height, width] = input.shape as [number, number, number];
  const entries = zooms.flatMap((zoom, axis) => axisTable(input.shape[axis]!, zoom));
  const table = fromArray(gpu, Float32Array.from(entries.flat()), [entries.length, 3]);
  const count = elementCount(input.shape);
  const launch: Launch = prepare(gpu, {
    name: 'lowResolution',
    read: { x: input, table },
    write: { y: output },
    params: { count: u32(count), depth: u32(depth), height: u32(height), width: u32(width) },
    code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (i >= p.count) { return; }
  let d = 3u * (i / (p.height * p.width));
  let h = 3u * (p.depth + (i / p.width) % p.height);
  let w = 3u * (p.depth + p.height + i % p.width);
  var sum = 0.0;
  ${lines(8, (corner) => {
    const upper = [corner >> 2, (corner >> 1) & 1, corner & 1];
    const at = ['d', 'h', 'w'].map((axis, n) => `u32(table[${axis} + ${upper[n]}u])`);
    const share = ['d', 'h', 'w'].map((axis, n) =>
      upper[n] ? `table[${axis} + 2u]` : `(1.0 - table[${axis} + 2u])`,
    );
    return `sum += ${share.join(' * ')} * x[(${at[0]} * p.height + ${at[1]}) * p.width + ${at[2]}];`;
  })}
  y[i] = sum;
}`,
    invocations: count,
  });
  return { launches: [launch], scratch: [table] };
}

/** The voxels that each voxel's two neighbours in the coarse grid stand for, and the second one's share. */
function axisTable(n: number, zoom: number): [number, number, number][] {
  const m = Math.max(1, Math.round(zoom * n));
  const nearest = (j: number) => Math.floor(((j + 0.5) * n) / m);
  return Array.from({ length: n }, (_, i) => {
    const x = Math.min(m - 1, Math.max(0, ((i + 0.5) * m) / n - 0.5));
    const lower = Math.floor(x);
    return [nearest(lower), nearest(Math.min(m - 1, lower + 1)), x - lower];
  });
}
