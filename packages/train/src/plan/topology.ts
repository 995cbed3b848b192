/** The stages of a network for patches of a spacing, and nnU-Net's estimate of what training it holds. */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';

/** Length of a patch along an axis at the lowest resolution, in voxels, below which the axis is not halved. */
const SMALLEST_EDGE = 4;
/** Axes whose spacings differ by less than this factor count as alike. */
const ALIKE = 2;

/** Stages are numbered from the full resolution down. */
export interface Topology {
  /** The patch, enlarged to a multiple of the strides' product. */
  readonly patch: Dhw;
  readonly kernels: readonly Dhw[];
  /** Strides into each stage; the first one's are 1. */
  readonly strides: readonly Dhw[];
}

/**
 * The stages for a patch of a spacing in mm, as nnU-Net chooses them: each halves the axes that are as fine as the
 * finest and long enough, and kernels are 1 along an axis until the others have become as coarse as it is. The patch may
 * have fractions of a voxel.
 */
export function topologyOf(spacingMm: Dhw, patch: Dhw): Topology {
  let spacing = spacingMm;
  let size = patch;
  let kernel = dhw(() => 1);
  const kernels: Dhw[] = [];
  const strides: Dhw[] = [kernel];
  for (;;) {
    const long = [0, 1, 2].filter((axis) => size[axis]! >= 2 * SMALLEST_EDGE);
    const finest = Math.min(...long.map((axis) => spacing[axis]!));
    const halved = long.filter((axis) => spacing[axis]! / finest < ALIKE);
    if (!halved.length || (halved.length === 1 && size[halved[0]!]! < 3 * SMALLEST_EDGE)) break;
    const before = { spacing, size, kernel };
    kernel = dhw((axis) =>
      before.kernel[axis] === 3 || before.spacing[axis]! / Math.min(...before.spacing) < ALIKE ? 3 : 1,
    );
    const stride = dhw((axis) => (halved.includes(axis) ? 2 : 1));
    spacing = dhw((axis) => before.spacing[axis]! * stride[axis]!);
    size = dhw((axis) => (stride[axis] === 2 ? Math.ceil(before.size[axis]! / 2) : before.size[axis]!));
    strides.push(stride);
    kernels.push(kernel);
  }
  kernels.push([3, 3, 3]);
  const divisor = divisorOf(strides);
  return {
    kernels,
    strides,
    patch: dhw((axis) => Math.ceil(patch[axis]! / divisor[axis]!) * divisor[axis]!),
  };
}

/** What a patch is a multiple of, for these strides. */
export const divisorOf = (strides: readonly Dhw[]): Dhw =>
  dhw((axis) => strides.reduce((product, stride) => product * stride[axis]!, 1));

/**
 * The next smaller patch: shorter along the axis that is longest by its share of the median scan, by the least that a
 * network for the shorter patch allows.
 */
export function smallerPatch({ patch, strides }: Topology, spacingMm: Dhw, medianShape: Dhw): Dhw {
  const share = (axis: number) => patch[axis]! / medianShape[axis]!;
  const longest = [0, 1, 2].reduce((a, b) => (share(b) >= share(a) ? b : a));
  const shortened = (by: Dhw) => dhw((axis) => patch[axis]! - (axis === longest ? by[axis]! : 0));
  const first = topologyOf(spacingMm, shortened(divisorOf(strides)));
  return shortened(divisorOf(first.strides));
}

/** Numbers of filters, convolutions and outputs of a network whose memory is estimated. */
export interface Widths {
  readonly filters: readonly number[];
  /** Convolutions of each stage of a plain encoder, residual blocks of a residual one. */
  readonly blocks: readonly number[];
  /** Convolutions of each stage of the decoder, the coarsest first. */
  readonly decoderBlocks: readonly number[];
  readonly outputs: number;
  readonly isResidual: boolean;
}

/** The number of values that all convolutions of a network give for one patch, by which nnU-Net judges memory. */
export function convolutionOutputs({ patch, strides }: Topology, widths: Widths): number {
  const { filters, blocks, decoderBlocks, outputs, isResidual } = widths;
  let size = patch;
  const stages = strides.map((stride, stage) => {
    size = dhw((axis) => Math.floor(size[axis]! / stride[axis]!));
    return { voxels: size[0] * size[1] * size[2], filters: filters[stage]! };
  });
  const full = stages[0]!;
  let values = full.voxels * outputs;
  if (isResidual) values += full.voxels * full.filters; // of the convolution before the first stage
  for (const [stage, { voxels, filters: count }] of stages.entries()) {
    const isCoarser = strides[stage]!.some((stride) => stride > 1);
    const hasSkip = isResidual && stage > 0 && (isCoarser || filters[stage - 1] !== count);
    const convolutions = isResidual ? 2 * blocks[stage]! + (hasSkip ? 1 : 0) : blocks[stage]!;
    const isDecoded = stage < stages.length - 1;
    // The decoder's stage has a transposed convolution besides.
    const decoder = isDecoded ? decoderBlocks[stages.length - 2 - stage]! + 1 : 0;
    values += voxels * count * (convolutions + decoder);
  }
  return values;
}
