/**
 * The inputs of one plane that a tile of outputs reads, as they lie in workgroup memory: lines of voxels, which all taps
 * along H and W share.
 *
 * Neighbouring outputs of a line read neighbouring slots, whatever the stride: a line holds one part after another,
 * part r the inputs at j·stride + r. Tap t of output j is in part t mod stride, at j + ⌊t / stride⌋.
 */
import type { Dhw } from '../../../axes.ts';

export interface Block {
  readonly lines: number;
  /** Slots of a line, of all its parts. */
  readonly voxels: number;
  /** Slots of a part. */
  readonly partVoxels: number;
  /** Lines between those of neighbouring outputs: lines that no tap reads are left out. */
  readonly lineStep: number;
}

/** The block of `lines` × `width` outputs. */
export function blockOf(lines: number, width: number, taps: Dhw, stride: Dhw): Block {
  const lineStep = Math.min(stride[1], taps[1]);
  const partVoxels = width + Math.ceil(taps[2] / stride[2]) - 1;
  return {
    lines: (lines - 1) * lineStep + taps[1],
    voxels: Math.min(stride[2], taps[2]) * partVoxels,
    partVoxels,
    lineStep,
  };
}

/** WGSL: the slot of tap t along W of a line's first output. */
export const slotOfTap = (t: string, { partVoxels }: Block, strideW: number): string =>
  strideW === 1 ? t : `(${t} % ${strideW}u * ${partVoxels}u + ${t} / ${strideW}u)`;

/** WGSL: where along W the input of a line's slot lies, for outputs from w0 on. */
export const inputOfSlot = (slot: string, w0: string, { partVoxels }: Block, strideW: number): string =>
  strideW === 1
    ? `i32(${w0} + ${slot}) + p.baseW`
    : `i32((${w0} + ${slot} % ${partVoxels}u) * ${strideW}u + ${slot} / ${partVoxels}u) + p.baseW`;

/** WGSL: where along H the input of a block's line lies, for outputs from h0 on. */
export const inputOfLine = (line: string, h0: string, { lineStep }: Block, strideH: number): string =>
  lineStep === 1
    ? `i32(${h0} + ${line}) * ${strideH} + p.baseH`
    : `i32((${h0} + ${line} / ${lineStep}u) * ${strideH}u + ${line} % ${lineStep}u) + p.baseH`;
