/**
 * Average pooling over blocks of voxels, channels last. The kernel is the stride, which divides the input's sizes.
 *
 *   output[n, o, c] = Σ_t input[n, o·stride + t, c] / T        0 ≤ t < stride per axis, T = the stride's product
 *   dInput[n, i, c] (+)= dOutput[n, ⌊i/stride⌋, c] / T
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { f32, type KernelCall, type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { rowRanges, type ShiftedView, viewOf } from '../views.ts';
import { lanesOf } from './strips.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

export interface AvgPool3dForward {
  /** [N, D·sD, H·sH, W·sW, C] */
  readonly input: Tensor;
  /** [N, D, H, W, C] */
  readonly output: Tensor;
  readonly stride: Dhw;
}

/** Throws where the input's size is not the output's times the stride. */
export function forward(gpu: Gpu, { input, output, stride }: AvgPool3dForward): Launch[] {
  return byPlanes({ gpu, fine: input, coarse: output, stride }, ({ fine, coarse, type, each, params }) => ({
    name: 'avgPool3d',
    read: { x: fine },
    write: { y: coarse },
    params,
    code: mapElements(
      `
    let o = voxel(i, vec3(p.depth, p.height, p.width));
    var sum = ${type}(0);
    for (var z = 0u; z < p.strideD; z++) {
      for (var h = 0u; h < p.strideH; h++) {
        for (var w = 0u; w < p.strideW; w++) {
          let at = o.xyz * vec3(p.strideD, p.strideH, p.strideW) + vec3(z, h, w);
          sum += ${type}(x[p.fineShift + ((at.x * p.height * p.strideH + at.y) * p.width * p.strideW + at.z) * p.channels + o.w]);
        }
      }
    }
    y[p.coarseShift + i] = y_t(sum * p.share);`,
      'p.coarseCount',
    ),
    invocations: mapInvocations((coarse.count - coarse.shift) / each),
  }));
}

export interface AvgPool3dBackward {
  readonly dOutput: Tensor;
  /** [N, D·sD, H·sH, W·sW, C] */
  readonly dInput: Tensor;
  readonly stride: Dhw;
  /** Whether the gradient is added to dInput, which is assigned otherwise. */
  readonly accumulate: boolean;
}

export function backward(gpu: Gpu, { dOutput, dInput, stride, accumulate }: AvgPool3dBackward): Launch[] {
  return byPlanes({ gpu, fine: dInput, coarse: dOutput, stride }, ({ fine, coarse, type, each, params }) => ({
    name: 'avgPool3d.dInput',
    read: { dy: coarse },
    write: { dx: fine },
    params,
    code: mapElements(
      `
    let q = voxel(i, vec3(p.depth, p.height, p.width) * vec3(p.strideD, p.strideH, p.strideW));
    let o = q.xyz / vec3(p.strideD, p.strideH, p.strideW);
    let g = ${type}(dy[p.coarseShift + ((o.x * p.height + o.y) * p.width + o.z) * p.channels + q.w]) * p.share;
    dx[p.fineShift + i] = dx_t(${accumulate ? `${type}(dx[p.fineShift + i]) + ` : ''}g);`,
      'p.fineCount',
    ),
    invocations: mapInvocations((fine.count - fine.shift) / each),
  }));
}

interface Planes {
  readonly fine: ShiftedView;
  readonly coarse: ShiftedView;
  /** The type that holds the channels of an invocation, and how many those are. */
  readonly type: string;
  readonly each: number;
  readonly params: KernelCall['params'];
}

/** WGSL that finds D, H, W and the channel of element i of planes of this size. */
const VOXEL = `
fn voxel(i: u32, size: vec3<u32>) -> vec4<u32> {
  let v = i / p.channels;
  return vec4(v / (size.y * size.z), v / size.z % size.y, v % size.z, i % p.channels);
}`;

/** The launches of a kernel for ranges of the coarse tensor's planes that fit a binding with those of the fine one. */
function byPlanes(
  { gpu, fine, coarse, stride }: { gpu: Gpu; fine: Tensor; coarse: Tensor; stride: Dhw },
  kernel: (planes: Planes) => KernelCall,
): Launch[] {
  const [batch, depth, height, width, channels] = coarse.shape as [number, number, number, number, number];
  if (stride.some((s, i) => coarse.shape[i + 1]! * s !== fine.shape[i + 1]) || fine.shape[4] !== channels) {
    throw new Error(`avgPool3d: [${coarse.shape}] times [${stride}] is not [${fine.shape}]`);
  }
  const plane = height * width * channels;
  const block = stride[0] * stride[1] * stride[2];
  const { type, each } = lanesOf(channels);
  const ranges = rowRanges(gpu, depth, [
    { tensor: fine, rowElements: plane * block },
    { tensor: coarse, rowElements: plane },
  ]);
  return ranges.flatMap(([first, end]) =>
    Array.from({ length: batch }, (_, n) => {
      const [start, stop] = [(n * depth + first) * plane, (n * depth + end) * plane];
      const fineView = { ...viewOf(fine, start * block, stop * block), vec4: each === 4 };
      const coarseView = { ...viewOf(coarse, start, stop), vec4: each === 4 };
      const call = kernel({
        fine: fineView,
        coarse: coarseView,
        type,
        each,
        params: {
          channels: u32(channels / each),
          depth: u32(end - first),
          height: u32(height),
          width: u32(width),
          strideD: u32(stride[0]),
          strideH: u32(stride[1]),
          strideW: u32(stride[2]),
          fineShift: u32(fineView.shift / each),
          coarseShift: u32(coarseView.shift / each),
          fineCount: u32(((stop - start) * block) / each),
          coarseCount: u32((stop - start) / each),
          share: f32(1 / block),
        },
      });
      return prepare(gpu, { ...call, code: VOXEL + call.code });
    }),
  );
}
