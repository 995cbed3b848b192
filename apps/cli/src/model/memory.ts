/** The GPU memory that `predict` would take with a model, in words. */
import { CapTooSmallError, MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import type { ActivationType } from '@organseg/core/network/program.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { requestOfGrid } from '@organseg/train/predict/caseStreams.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { DEFAULT_CAP_BYTES } from '@organseg/train/predict/predictor.ts';

/** A scan of a large adult's trunk: its size in voxels, and theirs in mm. */
const SCAN: Xyz = [512, 512, 400];
const SCAN_MM: Xyz = [0.8, 0.8, 1];

export interface ModelMemory {
  /** What predicting a scan of a trunk would hold, or the least that would do it; null where the adapter cannot. */
  readonly bytes: number | null;
  /** Whether that is within what `predict` takes unless told otherwise. */
  readonly fits: boolean;
  readonly text: string;
}

const inMib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** What `predict` would plan for a scan of a trunk; where its memory does not suffice, what would, and how to say so. */
export function memoryOf(gpu: Gpu, model: Model, activation: ActivationType): ModelMemory {
  const { bytes, fits } = least(gpu, model, activation);
  const scan = `a scan of ${SCAN.join(' × ')} voxels of ${SCAN_MM.join(' × ')} mm`;
  const where = `${activation}, on ${gpu.adapter.name}`;
  if (bytes === null)
    return { bytes, fits, text: `cannot be predicted with: buffers larger than ${gpu.adapter.name} allows` };
  if (fits) return { bytes, fits, text: `${inMib(bytes)} for ${scan}, ${where}` };
  const half = gpu.hasF16 && activation === 'f32' ? least(gpu, model, 'f16') : undefined;
  const ways = [
    `--memory-cap ${Math.ceil(bytes / 2 ** 20)}`,
    ...(half?.fits ? [`--dtype f16 (${inMib(half.bytes!)})`] : []),
  ];
  const text = `${inMib(bytes)} at least for ${scan}, ${where}; predict takes ${inMib(DEFAULT_CAP_BYTES)} unless given ${ways.join(' or ')}`;
  return { bytes, fits, text };
}

/** The bytes of the plan, or the least that one takes where the cap does not suffice. */
function least(gpu: Gpu, model: Model, activation: ActivationType): Pick<ModelMemory, 'bytes' | 'fits'> {
  const { network, patch, windowStep, mirrorAxes, weights } = model;
  const planner = new MemoryPlanner(gpu, { network, patch, activation, models: weights.length });
  const grid = { shape: SCAN, affine: scaleAndShift(SCAN_MM, [0, 0, 0]) };
  const request = { ...requestOfGrid(grid, model, 'logits'), windowStep, mirrorAxes };
  try {
    return { bytes: planner.plan(request, DEFAULT_CAP_BYTES).peakBytes, fits: true };
  } catch (error) {
    if (!(error instanceof CapTooSmallError)) throw error;
    const { smallestBytes } = error;
    return { bytes: Number.isFinite(smallestBytes) ? smallestBytes : null, fits: false };
  }
}
