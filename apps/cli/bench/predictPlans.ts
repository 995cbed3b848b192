/** How whole cases would be done, and what memory they would take. */
import { type CasePlan, MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import type { ResampleBack } from '@organseg/core/inference/scanStream.ts';
import type { ActivationType } from '@organseg/core/network/program.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { requestOfGrid } from '@organseg/train/predict/caseStreams.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { bodyBox } from './generatedScan.ts';

export interface PlanOptions {
  readonly spacingMm: Xyz;
  readonly activation: ActivationType;
  readonly capBytes: number;
  readonly resample: ResampleBack;
  readonly skipEarly: boolean;
}

/** The plans of generated scans of these sizes, each with the size, D, H, W, of the network's grid. */
export function plansOf(
  gpu: Gpu,
  model: Model,
  sizes: readonly Xyz[],
  options: PlanOptions,
): { plan: CasePlan; networkSize: readonly number[] }[] {
  const { network, patch, windowStep, mirrorAxes } = model;
  const { spacingMm, activation, capBytes, resample, skipEarly } = options;
  const planner = new MemoryPlanner(gpu, { network, patch, activation, models: model.weights.length });
  return sizes.map((size) => {
    const grid = { shape: size, affine: scaleAndShift(spacingMm, [0, 0, 0]) };
    const asked = requestOfGrid(grid, model, resample, bodyBox(size));
    const plan = planner.plan({ ...asked, windowStep, mirrorAxes, skipEarly }, capBytes);
    return { plan, networkSize: asked.size };
  });
}
