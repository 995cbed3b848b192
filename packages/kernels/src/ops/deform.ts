/**
 * Rotation, scaling and elastic deformation of a patch in one resampling: trilinear for images, nearest for
 * labels, 0 outside the input.
 *
 *   source = M·target + offset + u(target)                              in voxels, D H W
 *   u(target) = Σ_ijk B_i(t)·B_j(t)·B_k(t)·control[i, j, k]             a uniform cubic B-spline,
 *   t = target·(g − 3)/(n − 1)                                          g control points over n voxels an axis
 *
 * Coordinates are f32: at a half, a label may fall to either side.
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { lines } from './wgsl.ts';

export interface Deformation {
  /** M, 3×3, row by row. */
  readonly matrix: readonly number[];
  readonly offset: Dhw;
  /** f32 [gD, gH, gW, 4], at least 4 points an axis: displacements in voxels of the input; the fourth is unused. */
  readonly control?: Tensor | undefined;
}

export interface DeformCall extends Deformation {
  /** [D, H, W], f32 or u8; it is bound whole. */
  readonly input: Tensor;
  readonly output: Tensor;
}

export function deform(gpu: Gpu, { input, output, matrix, offset, control }: DeformCall): Launch[] {
  const [, height, width] = output.shape as [number, number, number];
  const [inDepth, inHeight, inWidth] = input.shape as [number, number, number];
  const isLabels = input.dtype === 'u8';
  const count = elementCount(output.shape);
  const knots = (axis: number) =>
    control && output.shape[axis]! > 1 ? (control.shape[axis]! - 3) / (output.shape[axis]! - 1) : 0;
  const [gridD, gridH, gridW] = (control?.shape ?? [4, 4, 4]) as [number, number, number];
  const row = (r: number) => Object.fromEntries([0, 1, 2].map((c) => [`m${r}${c}`, f32(matrix[3 * r + c]!)]));
  return [
    prepare(gpu, {
      name: isLabels ? 'deform.labels' : 'deform.image',
      read: control
        ? { x: input, control: { tensor: control, start: 0, count: elementCount(control.shape), vec4: true } }
        : { x: input },
      write: { y: output },
      params: {
        count: u32(count),
        height: u32(height),
        width: u32(width),
        inDepth: u32(inDepth),
        inHeight: u32(inHeight),
        inWidth: u32(inWidth),
        gridD: u32(gridD),
        gridH: u32(gridH),
        gridW: u32(gridW),
        order: u32(3), // here, so that compilers keep the loops
        knotsD: f32(knots(0)),
        knotsH: f32(knots(1)),
        knotsW: f32(knots(2)),
        ...row(0),
        ...row(1),
        ...row(2),
        offsetD: f32(offset[0]),
        offsetH: f32(offset[1]),
        offsetW: f32(offset[2]),
      },
      code: `${control ? SPLINE : ''}
fn source(i: u32) -> vec3<f32> {
  let v = vec3<f32>(f32(i / (p.height * p.width)), f32((i / p.width) % p.height), f32(i % p.width));
  let at = vec3<f32>(
    dot(vec3<f32>(p.m00, p.m01, p.m02), v) + p.offsetD,
    dot(vec3<f32>(p.m10, p.m11, p.m12), v) + p.offsetH,
    dot(vec3<f32>(p.m20, p.m21, p.m22), v) + p.offsetW);
  return at${control ? ' + displacement(v)' : ''};
}
fn isInside(at: vec3<i32>) -> bool {
  return all(at >= vec3<i32>(0)) && at.x < i32(p.inDepth) && at.y < i32(p.inHeight) && at.z < i32(p.inWidth);
}
fn place(at: vec3<i32>) -> u32 { return (u32(at.x) * p.inHeight + u32(at.y)) * p.inWidth + u32(at.z); }
${isLabels ? LABELS : IMAGE}`,
      invocations: isLabels ? Math.ceil(count / 4) : count,
    }),
  ];
}

/** WGSL of the B-spline at voxel v, which sums over 64 control points. */
const SPLINE = `
fn weights(t: f32) -> vec4<f32> {
  let s = 1.0 - t;
  return vec4<f32>(s * s * s, 3.0 * t * t * t - 6.0 * t * t + 4.0, 3.0 * s * s * s - 6.0 * s * s + 4.0, t * t * t) / 6.0;
}
fn displacement(v: vec3<f32>) -> vec3<f32> {
  let t = v * vec3<f32>(p.knotsD, p.knotsH, p.knotsW);
  let first = min(vec3<u32>(t), vec3<u32>(p.gridD, p.gridH, p.gridW) - 4u);
  let part = t - vec3<f32>(first);
  let wd = weights(part.x);
  let wh = weights(part.y);
  let ww = weights(part.z);
  var sum = vec4<f32>(0.0);
  for (var d = 0u; d < p.order + 1u; d++) {
    for (var h = 0u; h < p.order + 1u; h++) {
      let row = ((first.x + d) * p.gridH + first.y + h) * p.gridW + first.z;
      let along = ww.x * control[row] + ww.y * control[row + 1u] + ww.z * control[row + 2u] + ww.w * control[row + 3u];
      sum += wd[d] * wh[h] * along;
    }
  }
  return sum.xyz;
}`;

const IMAGE = `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (i >= p.count) { return; }
  let at = source(i);
  let low = floor(at);
  let part = at - low;
  var sum = 0.0;
  ${lines(8, (corner) => {
    const upper = [corner >> 2, (corner >> 1) & 1, corner & 1];
    const share = ['x', 'y', 'z'].map((axis, n) => (upper[n] ? `part.${axis}` : `(1.0 - part.${axis})`));
    return `{
    let voxel = vec3<i32>(low) + vec3<i32>(${upper});
    if (isInside(voxel)) { sum += ${share.join(' * ')} * x[place(voxel)]; }
  }`;
  })}
  y[i] = sum;
}`;

const LABELS = `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (4u * i >= p.count) { return; }
  var word = 0u; // four labels
  for (var k = 0u; k < 4u; k++) {
    let voxel = vec3<i32>(floor(source(min(4u * i + k, p.count - 1u)) + 0.5));
    if (isInside(voxel)) {
      let at = place(voxel);
      word |= ((x[at / 4u] >> (8u * (at % 4u))) & 255u) << (8u * k);
    }
  }
  y[i] = word;
}`;
