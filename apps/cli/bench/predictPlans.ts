/** How whole cases would be done, and what memory they would take. */
import { caseGeometry } from '@organseg/core/inference/caseGeometry.ts';
import { type CasePlan, MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import { NnunetScan } from '@organseg/core/inference/nnunet/nnunetScan.ts';
import { caseRequest, type ResampleBack } from '@organseg/core/inference/scanStream.ts';
import type { StreamRequest } from '@organseg/core/inference/slabStream.ts';
import type { ActivationType } from '@organseg/core/network/program.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { voxelCount, type Xyz } from '@organseg/core/volume/volume.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
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
  const { activation, capBytes, skipEarly } = options;
  const planner = new MemoryPlanner(gpu, { network, patch, activation, models: model.weights.length });
  return sizes.map((size) => {
    const asked = requestOf(model, size, options);
    const plan = planner.plan({ ...asked, windowStep, mirrorAxes, skipEarly }, capBytes);
    return { plan, networkSize: asked.size };
  });
}

/** What a generated scan asks of the stream. */
function requestOf(
  { preprocessing, regionLabels }: Model,
  size: Xyz,
  { spacingMm, resample }: PlanOptions,
): Omit<StreamRequest, 'windowStep'> {
  const grid = { shape: size, affine: scaleAndShift(spacingMm, [0, 0, 0]) };
  if (preprocessing.by === 'organseg')
    return caseRequest(caseGeometry(grid, bodyBox(size), preprocessing.spacingMm), preprocessing, resample);
  const data = new Uint8Array(voxelCount(size)).fill(1);
  const channels = preprocessing.channels.map(() => ({ ...grid, data }));
  return new NnunetScan(channels, spacingMm, preprocessing).request(regionLabels);
}
