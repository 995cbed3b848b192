/** A run's settings for a data set: a preset's training on the grid and with the network that its fingerprint asks for. */
import { xyzOf } from '@organseg/core/inference/axes.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { type Config, parseConfig } from '../config/schema.ts';
import { firstFitting, whyTooLarge } from '../run/memory.ts';
import {
  batchOfShare,
  filtersOf,
  type GridPlan,
  type Grids,
  gridOf,
  largestTopology,
  MIN_BATCH,
  type NnunetPlan,
  PLANNERS,
  type PlannerName,
  permuted,
} from './planNnunet.ts';
import { smallerPatch, type Topology, topologyOf } from './topology.ts';

/** Why patch and batch are no larger. */
export interface PlanLimits {
  readonly patch: 'memory' | 'scan';
  readonly batch: 'memory' | 'data';
}

export interface PlannedSettings {
  readonly config: Config;
  readonly grid: GridPlan;
  readonly limits: PlanLimits;
}

/** Whether a run with these settings, validated on volumes of the largest scan's size, fits the GPU's cap and limits. */
export type Fits = (config: Config, grid: GridPlan) => Promise<boolean>;

/** Judged by the GPU that the run is for. */
export const fitsGpu =
  (gpu: Gpu): Fits =>
  async (config, { largestShape }) =>
    !(await whyTooLarge(gpu, config, 'initial', largestShape));

/**
 * The largest patch of which two fit, then the largest batch of it; the network's stages are chosen by nnU-Net's rules
 * and filled with the preset's filters. Throws InputError where no patch fits.
 */
export async function planSettings(preset: Config, grids: Grids, fits: Fits): Promise<PlannedSettings> {
  const grid = gridOf(grids);
  const { spacingMm, medianShape } = grid;
  const withPatch = (topology: Topology) => settingsOf(preset, spacingMm, topology, MIN_BATCH);
  const topologies = smallerAndSmaller(grid);
  if (!topologies.length) throw tooSmall(grid);
  const place = await firstFitting(topologies.length, (i) => fits(withPatch(topologies[i]!), grid));
  const topology = topologies[place];
  if (!topology) throw new InputError('not even the smallest patch fits the memory; give --memory more');
  const most = batchOfShare(topology.patch, medianShape, grids.spacings.length, PLANNERS.nnunet.datasetShare);
  const batches = Array.from(
    { length: Math.max(1, most - MIN_BATCH + 1) },
    (_, i) => Math.max(most, MIN_BATCH) - i,
  );
  const withBatch = (batch: number) => settingsOf(preset, spacingMm, topology, batch);
  const batch = batches[await firstFitting(batches.length - 1, (i) => fits(withBatch(batches[i]!), grid))]!;
  const isWhole = topology.patch.every(
    (n, axis) => n === largestTopology(spacingMm, medianShape).patch[axis],
  );
  return {
    grid,
    config: parseConfig(withBatch(batch), 'the plan'),
    limits: { patch: isWhole ? 'scan' : 'memory', batch: batch < batches[0]! ? 'memory' : 'data' },
  };
}

/** Stages for smaller and smaller patches, down to the last one that is left two stages. */
function smallerAndSmaller({ spacingMm, medianShape }: GridPlan): Topology[] {
  const topologies: Topology[] = [];
  let topology = largestTopology(spacingMm, medianShape);
  while (topology.strides.length > 1) {
    topologies.push(topology);
    const patch = smallerPatch(topology, spacingMm, medianShape);
    if (patch.some((size) => size <= 0)) break;
    topology = topologyOf(spacingMm, patch);
  }
  return topologies;
}

const tooSmall = ({ medianShape }: GridPlan) =>
  new InputError(
    `scans of ${xyzOf(medianShape).join(' × ')} voxels are too small for a network of two stages`,
  );

/** The preset's settings on a grid of this spacing, with these stages. */
function settingsOf(
  preset: Config,
  spacingMm: Dhw,
  { patch, kernels, strides }: Topology,
  batch: number,
): Config {
  const stages = strides.length;
  const filters = (of: readonly number[]) => filtersOf(stages, of[0]!, Math.max(...of));
  return {
    ...preset,
    filters: filters(preset.filters),
    kernels: [...kernels],
    strides: [...strides],
    blocks: null,
    decoderBlocks: null,
    deepSupervision: preset.deepSupervision && stages > 2,
    spacingMm: xyzOf(spacingMm),
    patch,
    batch,
    student: studentOf(preset, filters),
  };
}

/** What the preset sets of a student's grid is for abdominal CT: a planned student has its teacher's, and fewer filters. */
function studentOf({ student }: Config, filters: (of: readonly number[]) => number[]): Config['student'] {
  const planned = ({ kernels, strides, spacingMm, patch, batch, ...rest }: Record<string, unknown>) => ({
    ...rest,
    ...(Array.isArray(rest.filters) && { filters: filters(rest.filters) }),
  });
  return Array.isArray(student) ? student.map(planned) : planned(student);
}

/** A network of nnU-Net's and what it is trained on; its axes are in the order that `transpose` makes of z, y, x. */
export interface NnunetNetworkPlan extends Topology {
  readonly spacingMm: Dhw;
  readonly architecture: 'PlainConvUNet' | 'ResidualEncoderUNet';
  readonly filters: readonly number[];
  readonly blocks: readonly number[];
  readonly decoderBlocks: readonly number[];
  readonly batch: number;
}

/** The preset's settings with a network of nnU-Net's, its axes those of scans again, since training transposes none. */
export function settingsOfNetworkPlan(preset: Config, plan: NnunetNetworkPlan, transposeBack: Dhw): Config {
  const back = (each: Dhw) => permuted(each, transposeBack);
  const topology = {
    patch: back(plan.patch),
    kernels: plan.kernels.map(back),
    strides: plan.strides.map(back),
  };
  return {
    ...settingsOf(preset, back(plan.spacingMm), topology, plan.batch),
    architecture: plan.architecture,
    filters: [...plan.filters],
    blocks: [...plan.blocks],
    decoderBlocks: [...plan.decoderBlocks],
  };
}

/** The settings of a plan of nnU-Net's. Throws InputError where its network has a single stage. */
export function settingsOfNnunet(preset: Config, plan: NnunetPlan, planner: PlannerName): PlannedSettings {
  const { grid, isLimitedByMemory, isLimitedByData } = plan;
  if (plan.strides.length < 2) throw tooSmall(grid);
  const architecture = PLANNERS[planner].isResidual ? 'ResidualEncoderUNet' : 'PlainConvUNet';
  const config = settingsOfNetworkPlan(preset, { ...plan, architecture }, grid.transposeBack);
  return {
    grid,
    config: parseConfig(config, 'the plan'),
    limits: { patch: isLimitedByMemory ? 'memory' : 'scan', batch: isLimitedByData ? 'data' : 'memory' },
  };
}
