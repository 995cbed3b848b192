/** Label maps of all scans by one model, with pictures and statistics, in a folder of their own. */
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import { Predictions } from '../predict/predictions.ts';
import { predictScans, scansIn } from '../predict/predictScans.ts';
import { averaged } from '../predict/segmenters.ts';

export interface Segmented {
  readonly out: string;
  /** Names of the cases that have label maps. */
  readonly cases: readonly string[];
}

export async function segmentAll(
  owner: GpuOwner,
  { model, images, out }: { model: string; images: string; out: string },
  signal: AbortSignal,
): Promise<Segmented> {
  const planned = await averaged([model], {}, {});
  const origin = await planned.origin(NO_POSTPROCESSING);
  const scans = await scansIn(images);
  const extras = { statistics: true, preview: true };
  const predictions = await Predictions.open({ out, scans, input: images, origin, extras, goesOn: true });
  const segmenter = await planned.open(owner, signal);
  try {
    const failed = await predictScans(segmenter, predictions, signal);
    return { out, cases: scans.map(({ name }) => name).filter((name) => !failed.includes(name)) };
  } finally {
    segmenter.close();
  }
}
