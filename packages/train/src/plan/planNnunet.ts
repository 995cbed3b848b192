/** What nnU-Net's planner decides for its configuration 3d_fullres, from a data set's fingerprint. */
import { InputError } from '@organseg/core/inputError.ts';
import { roundHalfToEven } from '@organseg/core/volume/roundHalfToEven.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import { median, percentile } from './percentile.ts';
import { convolutionOutputs, smallerPatch, type Topology, topologyOf } from './topology.ts';

/** How nnU-Net's planners differ, by the names of `--like`. */
export const PLANNERS = {
  nnunet: {
    name: 'ExperimentPlanner',
    plansName: 'nnUNetPlans',
    isResidual: false,
    /** What nnU-Net takes a batch of 2 in the planner's memory to be, in values of convolutions for one patch. */
    reference: 560e6,
    memoryGb: 8,
    /** The greatest share of the data set's voxels that a batch may hold. */
    datasetShare: 0.05,
  },
  'resenc-m': {
    name: 'nnUNetPlannerResEncM',
    plansName: 'nnUNetResEncUNetMPlans',
    isResidual: true,
    reference: 680e6,
    memoryGb: 8,
    datasetShare: 1,
  },
  'resenc-l': {
    name: 'nnUNetPlannerResEncL',
    plansName: 'nnUNetResEncUNetLPlans',
    isResidual: true,
    reference: 2100e6,
    memoryGb: 24,
    datasetShare: 1,
  },
  'resenc-xl': {
    name: 'nnUNetPlannerResEncXL',
    plansName: 'nnUNetResEncUNetXLPlans',
    isResidual: true,
    reference: 3600e6,
    memoryGb: 40,
    datasetShare: 1,
  },
} as const;
export type PlannerName = keyof typeof PLANNERS;

/** What planning needs of a fingerprint: of each case along D, H, W. */
export interface Grids {
  readonly spacings: readonly Dhw[];
  readonly shapesAfterCrop: readonly Dhw[];
}

/** What is planned for. */
export interface PlanRequest extends Grids {
  /** Names in dataset.json, those of regions and `ignore` too. */
  readonly labels: number;
  /** Number of training cases that dataset.json states. */
  readonly cases: number;
  readonly planner: PlannerName;
  /** GPU memory to plan for, in nnU-Net's GB; without it the planner's own. */
  readonly memoryGb?: number;
}

/** The grid that scans are resampled to; D, H, W as read unless it is said that they are transposed. */
export interface GridPlan {
  readonly spacingMm: Dhw;
  /** Whether one axis is so coarse and short that its spacing is a low percentile instead of the median. */
  readonly isAnisotropic: boolean;
  /** The order of the axes in the network: the coarsest one first. */
  readonly transpose: Dhw;
  readonly transposeBack: Dhw;
  /** Median shape of the cases on that grid, in voxels; a half is left where two cases are in the middle. */
  readonly medianShape: Dhw;
  /** The largest shape along each axis. */
  readonly largestShape: Dhw;
}

/** Spacing, patch, kernels and strides here are in the network's order of axes, which `transpose` gives. */
export interface NnunetPlan extends Topology {
  readonly grid: GridPlan;
  readonly spacingMm: Dhw;
  readonly medianShape: Dhw;
  readonly filters: readonly number[];
  readonly blocks: readonly number[];
  readonly decoderBlocks: readonly number[];
  readonly batch: number;
  /** Whether the patch was made smaller for the memory's sake. */
  readonly isLimitedByMemory: boolean;
  /** Whether the batch was made smaller, so that it holds no more than the planner's share of the data set. */
  readonly isLimitedByData: boolean;
  /** Whether nnU-Net plans a configuration of lower resolution too, 3d_lowres; its Dice loss is then over the batch. */
  readonly hasLowResolution: boolean;
}

const ANISOTROPY = 3;
const COARSE_PERCENTILE = 10;

/** The values in another order of axes. */
export const permuted = (values: Dhw, order: Dhw): Dhw => dhw((axis) => values[order[axis]!]!);
const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);
const argMax = (values: Dhw) => [0, 1, 2].reduce((a, b) => (values[b]! > values[a]! ? b : a));

/**
 * The grid: the median spacing along each axis, or where one is three times as coarse as the others, and three times as
 * short, the 10th percentile of the spacing along that one.
 */
export function gridOf({ spacings, shapesAfterCrop }: Grids): GridPlan {
  const along = (values: readonly Dhw[], axis: number) => values.map((each) => each[axis]!);
  const medianSpacing = dhw((axis) => percentile(along(spacings, axis), 50));
  const medianSize = dhw((axis) => percentile(along(shapesAfterCrop, axis), 50));
  const coarse = argMax(medianSpacing);
  const others = [0, 1, 2].filter((axis) => axis !== coarse);
  const coarsestOther = Math.max(...others.map((axis) => medianSpacing[axis]!));
  const isAnisotropic =
    medianSpacing[coarse]! > ANISOTROPY * coarsestOther &&
    medianSize[coarse]! * ANISOTROPY < Math.min(...others.map((axis) => medianSize[axis]!));
  const low = percentile(along(spacings, coarse), COARSE_PERCENTILE);
  const fine = low < coarsestOther ? coarsestOther + 1e-5 : low;
  const spacingMm = dhw((axis) => (isAnisotropic && axis === coarse ? fine : medianSpacing[axis]!));
  const first = argMax(spacingMm);
  const transpose = dhw((axis) => [first, ...[0, 1, 2].filter((each) => each !== first)][axis]!);
  const shapes = spacings.map((spacing, i) =>
    dhw((axis) => roundHalfToEven((spacing[axis]! / spacingMm[axis]!) * shapesAfterCrop[i]![axis]!)),
  );
  return {
    spacingMm,
    isAnisotropic,
    transpose,
    transposeBack: dhw((axis) => transpose.indexOf(axis)),
    medianShape: dhw((axis) => median(along(shapes, axis))),
    largestShape: dhw((axis) => along(shapes, axis).reduce((a, b) => Math.max(a, b))),
  };
}

/** Volume of the patch that planning starts from, in voxels; it has the shape of a cube in mm. */
const FIRST_VOXELS = 256 ** 3;

/** The largest stages to consider: for a patch that is a cube in mm, or as long as the median scan where that is shorter. */
export function largestTopology(spacingMm: Dhw, medianShape: Dhw): Topology {
  const perMm = dhw((axis) => 1 / spacingMm[axis]!);
  const scale = (FIRST_VOXELS / product(perMm)) ** (1 / 3);
  const patch = dhw((axis) => Math.min(roundHalfToEven(perMm[axis]! * scale), medianShape[axis]!));
  return topologyOf(spacingMm, patch);
}

/** Filters of each stage: twice as many as the stage before, no more than `most`. */
export const filtersOf = (stages: number, first: number, most: number): number[] =>
  Array.from({ length: stages }, (_, stage) => Math.min(most, first * 2 ** stage));

const FILTERS = [32, 320] as const;
/** The least patches of a batch. */
export const MIN_BATCH = 2;
const RESIDUAL_BLOCKS = [1, 3, 4];
/** Share of the median scan that a patch must hold for there to be no configuration of lower resolution. */
const SMALLEST_SHARE = 0.25;
const COARSENING = 1.03;

/** Throws InputError where the scans are flat, or no patch is small enough for the memory. */
export function planNnunet(request: PlanRequest): NnunetPlan {
  const grid = gridOf(request);
  const spacingMm = permuted(grid.spacingMm, grid.transpose);
  const medianShape = permuted(grid.medianShape, grid.transpose);
  if (medianShape[0] === 1)
    throw new InputError('the scans are one slice thick: 2D networks are not planned');
  const plan = configurationOf(request, spacingMm, medianShape);
  return { grid, ...plan, hasLowResolution: hasLowResolution(request, spacingMm, medianShape, plan.patch) };
}

type Configuration = Omit<NnunetPlan, 'grid' | 'hasLowResolution'>;

/** The patch, network and batch for a grid; all in the network's order of axes. */
function configurationOf(request: PlanRequest, spacingMm: Dhw, medianShape: Dhw): Configuration {
  const planner = PLANNERS[request.planner];
  const reference = planner.reference * ((request.memoryGb ?? planner.memoryGb) / planner.memoryGb);
  const widthsOf = ({ strides }: Topology) => ({
    filters: filtersOf(strides.length, ...FILTERS),
    blocks: strides.map((_, stage) => (planner.isResidual ? (RESIDUAL_BLOCKS[stage] ?? 6) : 2)),
    decoderBlocks: strides.slice(1).map(() => (planner.isResidual ? 1 : 2)),
    isResidual: planner.isResidual,
    outputs: request.labels,
  });
  let topology = largestTopology(spacingMm, medianShape);
  let isLimitedByMemory = false;
  const estimate = () => convolutionOutputs(topology, widthsOf(topology));
  while (estimate() > reference) {
    const smaller = smallerPatch(topology, spacingMm, medianShape);
    if (smaller.some((size) => size <= 0))
      throw new InputError(`no patch is small enough for ${request.memoryGb} GB, as nnU-Net judges it`);
    topology = topologyOf(spacingMm, smaller);
    isLimitedByMemory = true;
  }
  const fitting = roundHalfToEven((reference / estimate()) * MIN_BATCH);
  const most = batchOfShare(topology.patch, medianShape, request.cases, planner.datasetShare);
  const { filters, blocks, decoderBlocks } = widthsOf(topology);
  return {
    ...topology,
    spacingMm,
    medianShape,
    filters,
    blocks,
    decoderBlocks,
    batch: Math.max(Math.min(fitting, most), MIN_BATCH),
    isLimitedByMemory,
    isLimitedByData: most < fitting,
  };
}

/** The batch of which the patches hold a share of all voxels of so many median scans. */
export const batchOfShare = (patch: Dhw, medianShape: Dhw, cases: number, share: number): number =>
  roundHalfToEven((product(medianShape) * cases * share) / product(patch));

/**
 * Whether nnU-Net would add a configuration of lower resolution: a patch holds less than a quarter of the median scan,
 * and on the coarser grid on which it would hold that, scans have less than half of the voxels.
 */
function hasLowResolution(request: PlanRequest, fullMm: Dhw, medianShape: Dhw, fullPatch: Dhw): boolean {
  let spacingMm = fullMm;
  let patch = fullPatch;
  let voxels = product(medianShape);
  while (product(patch) / voxels < SMALLEST_SHARE) {
    const before = spacingMm;
    const coarsest = Math.max(...before);
    const isFine = dhw((axis) => (coarsest / before[axis]! > ALIKE ? 1 : 0));
    const coarsened = isFine.includes(1) ? isFine : dhw(() => 1);
    spacingMm = dhw((axis) => before[axis]! * (coarsened[axis] ? COARSENING : 1));
    const shape = dhw((axis) => (fullMm[axis]! / spacingMm[axis]!) * medianShape[axis]!);
    voxels = product(shape);
    ({ patch } = configurationOf(
      request,
      spacingMm,
      dhw((axis) => roundHalfToEven(shape[axis]!)),
    ));
  }
  return spacingMm !== fullMm && product(medianShape) / voxels >= 2;
}

const ALIKE = 2;
