/**
 * Work on each channel by strips of voxels: an invocation takes a strip and four channels, or one where fours do not
 * divide them.
 */
import type { Gpu } from '../device.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges, type ShiftedView, viewOf } from '../views.ts';
import { range } from './wgsl.ts';

/** The number of voxels that an invocation maps. */
export const MAP_STRIP = 16;
/** The number of voxels that an invocation sums: fewer of a small volume, which has few strips. */
const sumStrip = (voxels: number) => Math.min(256, Math.max(32, 2 ** Math.floor(Math.log2(voxels / 4096))));

/** The sizes that the strips of an input follow from, and the number of strips. */
export function sizes(input: Tensor) {
  const [batch, , , , channels] = input.shape as [number, number, number, number, number];
  const voxels = elementCount(input.shape) / batch / channels;
  const strip = sumStrip(voxels);
  return { batch, channels, voxels, strip, strips: Math.ceil(voxels / strip) };
}

/** The WGSL with which an invocation holds its channels: four as a vec4, or one. */
export function lanesOf(channels: number) {
  const each = channels % 4 === 0 ? 4 : 1;
  const type = each === 4 ? 'vec4<f32>' : 'f32';
  const perChannel = (text: (k: number) => string) => range(each).map(text);
  return {
    each,
    type,
    perChannel,
    component: (name: string, k: number) => (each === 4 ? `${name}[${k}]` : name),
    /** The values of its channels. */
    values: (text: (k: number) => string) => `${type}(${perChannel(text).join(', ')})`,
  };
}

export interface Range {
  readonly n: number;
  /** Voxels [start, end) of batch item n. */
  readonly start: number;
  readonly end: number;
  /** Those voxels of a tensor of the input's shape. */
  view(tensor: Tensor): ShiftedView;
}

/** Calls `visit` for ranges of voxels that fit a binding in all tensors, item by item. */
export function eachRange(
  gpu: Gpu,
  input: Tensor,
  tensors: Tensor[],
  step: number,
  visit: (range: Range) => void,
) {
  const { batch, voxels, channels } = sizes(input);
  const rows = tensors.map((tensor) => ({ tensor, rowElements: channels }));
  for (const [start, end] of rowRanges(gpu, voxels, rows, step)) {
    for (let n = 0; n < batch; n++) {
      const view = (tensor: Tensor) => ({
        ...viewOf(tensor, (n * voxels + start) * channels, (n * voxels + end) * channels),
        vec4: channels % 4 === 0,
      });
      visit({ n, start, end, view });
    }
  }
}

/** Voxels [first, last) of `each` channels from c on; `at` is the first one's place, the next is `step` on. */
export const stripStart = (strip: number, each: number) => `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let step = p.channels / ${each}u;
  let c = i % step * ${each}u;
  let strip = i / step;
  let first = strip * ${strip}u;
  if (first >= p.voxels) { return; }
  let last = min(p.voxels, first + ${strip}u);
  var at = (p.shift + first * p.channels + c) / ${each}u;`;
