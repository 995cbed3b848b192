/** The origin of label maps: the models that made them, and the options that change what these compute. */
import { resolve } from 'node:path';
import { sha256Of } from '@organseg/files/fileRecord.ts';
import { firstDifference } from '@organseg/files/firstDifference.ts';
import { z } from 'zod';
import { assertRun, bestCheckpoint, type RunDescription } from '../run/runFolder.ts';
import { NO_POSTPROCESSING, type Postprocessing } from './postprocessing.ts';
import type { PredictorOptions } from './predictor.ts';

export const origin = z.object({
  /** The folders of the runs whose logits are averaged. */
  models: z.array(z.string()),
  /** The SHA-256 of each one's best checkpoint. */
  weights: z.array(z.string()),
  options: z.record(z.string(), z.json()),
});
export type Origin = z.infer<typeof origin>;

/** The origin of what models make with these options. Throws InputError where a folder holds no trained run. */
export async function originOf(models: readonly string[], options: Origin['options']): Promise<Origin> {
  const weights: string[] = [];
  for (const model of models) {
    assertRun(model);
    weights.push(await sha256Of(bestCheckpoint(model)));
  }
  return { models: models.map((model) => resolve(model)), weights, options };
}

/** The options of a predictor of this run that change what it computes, and what is done to its label maps. */
export const optionsOf = (
  { config }: RunDescription,
  { spacingMm, windowStep, dtype, resample, mirror, skipEarly }: PredictorOptions,
  { largestComponent, fillHoles }: Postprocessing = NO_POSTPROCESSING,
): Origin['options'] => ({
  spacingMm: [...(spacingMm ?? config.spacingMm)],
  step: windowStep ?? config.windowStep,
  dtype: dtype ?? null,
  resample: resample ?? 'logits',
  mirror: [...(mirror ?? [])],
  skipEarly: skipEarly ?? false,
  largestComponent: [...largestComponent],
  fillHoles: [...fillHoles],
});

/** The difference, in words, between what was made and what would be made now; undefined without one. */
export function differenceOf(before: Origin, now: Origin): string | undefined {
  if (before.weights.join() !== now.weights.join()) {
    const [was, is] = [before.models.join(', '), now.models.join(', ')];
    return was === is ? `of ${was} with other weights` : `of ${was}, not of ${is}`;
  }
  const option = firstDifference(before.options, now.options);
  return option && `made with ${option}`;
}
