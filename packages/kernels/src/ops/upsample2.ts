/**
 * Trilinear upsampling to twice the size, channels last, as PyTorch's without aligned corners. Along each axis:
 *
 *   output[2i] = ¼·input[i − 1] + ¾·input[i]        output[2i + 1] = ¾·input[i] + ¼·input[i + 1]
 *   dInput[i] (+)= ¼·dOutput[2i − 1] + ¾·dOutput[2i] + ¾·dOutput[2i + 1] + ¼·dOutput[2i + 2]
 *
 * Beyond its ends an axis goes on with its last value, in both.
 */
import type { Gpu } from '../device.ts';
import { type KernelCall, type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { rowRanges, type ShiftedView, viewOf } from '../views.ts';
import { lanesOf } from './strips.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

export interface Upsample2Forward {
  /** [N, D, H, W, C] */
  readonly input: Tensor;
  /** [N, 2D, 2H, 2W, C] */
  readonly output: Tensor;
}

/** Throws where the output's size is not twice the input's. */
export function forward(gpu: Gpu, { input, output }: Upsample2Forward): Launch[] {
  return byPlanes(gpu, input, output, ({ planes, type, params }) => {
    const coarse = planes(input, 1, 1);
    const fine = planes(output, 2, 0);
    return {
      name: 'upsample2',
      read: { x: coarse.view },
      write: { y: fine.view },
      params: { ...params, ...coarse.params('coarse'), ...fine.params('fine') },
      code: mapElements(
        `
    let o = voxel(i, vec2(2u * p.height, 2u * p.width)) + vec4(p.fineFirst, 0u, 0u, 0u);
    // The voxel that holds it, with ¾, and the neighbour on its side, with ¼.
    let near = vec3<i32>(o.xyz / 2u);
    let far = clamp(near + vec3<i32>(o.xyz % 2u) * 2 - 1, vec3(0), vec3<i32>(vec3(p.depth, p.height, p.width)) - 1);
    var sum = ${type}(0);
    for (var k = 0u; k < 8u; k++) {
      let isFar = vec3((k & 4u) != 0u, (k & 2u) != 0u, (k & 1u) != 0u);
      let at = vec3<u32>(select(near, far, isFar));
      let share = select(vec3(0.75), vec3(0.25), isFar);
      let place = ((at.x - p.coarseFirst) * p.height + at.y) * p.width + at.z;
      sum += share.x * share.y * share.z * ${type}(x[p.coarseShift + place * p.channels + o.w]);
    }
    y[p.fineShift + i] = y_t(sum);`,
        'p.fineCount',
      ),
      invocations: mapInvocations(fine.count),
    };
  });
}

export interface Upsample2Backward {
  /** [N, 2D, 2H, 2W, C] */
  readonly dOutput: Tensor;
  /** [N, D, H, W, C] */
  readonly dInput: Tensor;
  /** Add to dInput instead of assigning it. */
  readonly accumulate: boolean;
}

export function backward(gpu: Gpu, { dOutput, dInput, accumulate }: Upsample2Backward): Launch[] {
  return byPlanes(gpu, dInput, dOutput, ({ planes, type, params }) => {
    const coarse = planes(dInput, 1, 0);
    const fine = planes(dOutput, 2, 1);
    return {
      name: 'upsample2.dInput',
      read: { dy: fine.view },
      write: { dx: coarse.view },
      params: { ...params, ...coarse.params('coarse'), ...fine.params('fine') },
      code: mapElements(
        `
    let q = voxel(i, vec2(p.height, p.width)) + vec4(p.coarseFirst, 0u, 0u, 0u);
    let last = vec3<i32>(2u * vec3(p.depth, p.height, p.width)) - 1;
    var sum = ${type}(0);
    for (var k = 0; k < 64; k++) {
      let t = vec3(k / 16, k / 4 % 4, k % 4);
      let share = select(vec3(0.25), vec3(0.75), (t == vec3(1)) | (t == vec3(2)));
      let at = vec3<u32>(clamp(2 * vec3<i32>(q.xyz) + t - 1, vec3(0), last));
      let place = ((at.x - p.fineFirst) * 2u * p.height + at.y) * 2u * p.width + at.z;
      sum += share.x * share.y * share.z * ${type}(dy[p.fineShift + place * p.channels + q.w]);
    }
    dx[p.coarseShift + i] = dx_t(${accumulate ? `${type}(dx[p.coarseShift + i]) + ` : ''}sum);`,
        'p.coarseCount',
      ),
      invocations: mapInvocations(coarse.count),
    };
  });
}

/** The part of a tensor that a launch binds. */
interface Part {
  readonly view: ShiftedView;
  /** The number of its elements, or of vec4s. */
  readonly count: number;
  /** Its first plane, where that lies in the binding, and its count, under names that begin with `name`. */
  params(name: string): KernelCall['params'];
}

interface Launched {
  /**
   * The planes of a tensor that belong to the launch's coarse planes, `scale` each, and up to `margin` more at either end.
   */
  planes(tensor: Tensor, scale: number, margin: number): Part;
  /** The type that holds the channels of an invocation. */
  readonly type: string;
  readonly params: KernelCall['params'];
}

/** WGSL: D, H, W and channel of element i of planes of this size. */
const VOXEL = `
fn voxel(i: u32, size: vec2<u32>) -> vec4<u32> {
  let v = i / p.channels;
  return vec4(v / (size.x * size.y), v / size.y % size.x, v % size.y, i % p.channels);
}`;

/** The launches of a kernel for ranges of the coarse tensor's planes that fit a binding in both tensors. */
function byPlanes(
  gpu: Gpu,
  coarse: Tensor,
  fine: Tensor,
  kernel: (launched: Launched) => KernelCall,
): Launch[] {
  const [batch, depth, height, width, channels] = coarse.shape as [number, number, number, number, number];
  if ([1, 2, 3].some((i) => fine.shape[i] !== 2 * coarse.shape[i]!) || fine.shape[4] !== channels) {
    throw new Error(`upsample2: [${fine.shape}] is not twice [${coarse.shape}]`);
  }
  const { type, each } = lanesOf(channels);
  const plane = height * width * channels;
  // Of one coarse plane three are read; of its two fine ones four.
  const ranges = rowRanges(gpu, depth, [
    { tensor: coarse, rowElements: 3 * plane },
    { tensor: fine, rowElements: 16 * plane },
  ]);
  return ranges.flatMap(([first, end]) =>
    Array.from({ length: batch }, (_, n) => {
      const planes: Launched['planes'] = (tensor, scale, margin) => {
        const planeElements = plane * scale * scale;
        const all = scale * depth;
        const [from, to] = [Math.max(0, scale * first - margin), Math.min(all, scale * end + margin)];
        const view = viewOf(tensor, (n * all + from) * planeElements, (n * all + to) * planeElements);
        const count = ((to - from) * planeElements) / each;
        return {
          view: { ...view, vec4: each === 4 },
          count,
          params: (name) => ({
            [`${name}First`]: u32(from),
            [`${name}Shift`]: u32(view.shift / each),
            [`${name}Count`]: u32(count),
          }),
        };
      };
      const params = {
        channels: u32(channels / each),
        depth: u32(depth),
        height: u32(height),
        width: u32(width),
      };
      const call = kernel({ planes, type, params });
      return prepare(gpu, { ...call, code: VOXEL + call.code });
    }),
  );
}
