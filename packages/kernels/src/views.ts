/**
 * Views of tensors: parts that each fit a storage binding (lavapipe: 128 MiB), so that no tensor is limited by one.
 */
import type { Gpu } from './device.ts';
import type { View } from './kernel.ts';
import { elementBytes, type Tensor } from './tensor.ts';

/** Every multiple of this many elements begins at a multiple of 256 bytes, whatever the dtype. */
const ALIGNED_ELEMENTS = 256;

/** A view widened to where a binding may begin; the wanted elements begin `shift` elements into it. */
export interface ShiftedView extends View {
  readonly shift: number;
}

/** Elements [start, end) of a tensor. */
export function viewOf(tensor: Tensor, start: number, end: number): ShiftedView {
  const aligned = Math.floor(start / ALIGNED_ELEMENTS) * ALIGNED_ELEMENTS;
  return { tensor, start: aligned, count: end - aligned, shift: start - aligned };
}

/** The number of a tensor's elements that a binding holds, wherever it begins. */
export const viewElements = (gpu: Gpu, { dtype }: Pick<Tensor, 'dtype'>): number =>
  Math.floor(gpu.maxBindingBytes / elementBytes(dtype)) - ALIGNED_ELEMENTS;

/**
 * Ranges [start, end) that cover `count` rows of the tensors (`rowElements` each: a voxel's channels, say) and
 * fit a binding in each of them; all but the last are multiples of `step` rows.
 */
export function rowRanges(
  gpu: Gpu,
  count: number,
  tensors: readonly { tensor: Tensor; rowElements: number }[],
  step = 1,
): [number, number][] {
  const fitting = tensors.map(({ tensor, rowElements }) => viewElements(gpu, tensor) / rowElements);
  const size = Math.floor(Math.min(count + step, ...fitting) / step) * step;
  if (size < 1) {
    const shapes = tensors.map(({ tensor }) => `[${tensor.shape}]`).join(', ');
    throw new Error(`${shapes}: ${step} rows do not fit a binding of ${gpu.maxBindingBytes} bytes`);
  }
  const ranges: [number, number][] = [];
  for (let start = 0; start < count; start += size) ranges.push([start, Math.min(count, start + size)]);
  return ranges;
}
