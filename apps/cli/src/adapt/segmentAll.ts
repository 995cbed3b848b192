/** Label maps of all scans by one model, with pictures and statistics, in a folder of their own. */
import { organLabels } from '@organseg/core/organs.ts';
import type { UnlabelledCase } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import { Predictions } from '../predict/predictions.ts';
import { predictScans } from '../predict/predictScans.ts';
import { averaged } from '../predict/segmenters.ts';

export interface Segmented {
  readonly out: string;
  /** Names of the cases that have label maps. */
  readonly cases: readonly string[];
}

interface Request {
  readonly model: string;
  /** The folder of the scans, and those in it that are segmented. */
  readonly images: string;
  readonly scans: readonly UnlabelledCase[];
  readonly out: string;
}

/** Segments the scans that have no label map there yet. */
export const segmentAll = (owner: GpuOwner, request: Request, signal: AbortSignal): Promise<Segmented> =>
  whileLocked(request.out, () => segment(owner, request, signal));

async function segment(
  owner: GpuOwner,
  { model, images, scans: cases, out }: Request,
  signal: AbortSignal,
): Promise<Segmented> {
  const planned = await averaged([model], {}, {});
  // As `predict` does with the model in the box: what lies apart is no organ.
  const postprocessing = { largestComponent: organLabels(planned.labelNames), fillHoles: [] };
  const origin = await planned.origin(postprocessing);
  const scans = cases.map(({ name, image }) => ({ name, path: image }));
  const extras = { statistics: true, preview: true };
  const predictions = await Predictions.open({ out, scans, input: images, origin, extras, goesOn: true });
  const segmenter = await planned.open(owner, signal);
  try {
    const failed = await predictScans(segmenter, predictions, signal, postprocessing, planned.calibration);
    return { out, cases: scans.map(({ name }) => name).filter((name) => !failed.includes(name)) };
  } finally {
    segmenter.close();
  }
}
