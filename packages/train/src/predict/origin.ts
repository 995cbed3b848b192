/** The origin of label maps: the models that made them, and the options that change what these compute. */
import { resolve } from 'node:path';
import { firstDifference } from '@organseg/files/differences.ts';
import { z } from 'zod';
import type { Model } from './model.ts';
import { NO_POSTPROCESSING, type Postprocessing } from './postprocessing.ts';
import type { PredictorOptions } from './predictor.ts';

export const origin = z.object({
  /** The folders of the models whose logits are averaged. */
  models: z.array(z.string()),
  /** The SHA-256 of each one's weights. */
  weights: z.array(z.string()),
  options: z.record(z.string(), z.json()),
});
export type Origin = z.infer<typeof origin>;

/** The origin of what a model makes with these options. Throws InputError where its weights cannot be read. */
export async function originOf({ paths, weights }: Model, options: Origin['options']): Promise<Origin> {
  const digests: string[] = [];
  for (const each of weights) digests.push(await each.sha256());
  return { models: paths.map((path) => resolve(path)), weights: digests, options };
}

/** The options of a model's predictor that change what it computes, and what is done to its label maps. */
export const optionsOf = (
  model: Model,
  { spacingMm, windowStep, dtype, resample, mirror, skipEarly, leastProbability }: PredictorOptions,
  { largestComponent, fillHoles }: Postprocessing = NO_POSTPROCESSING,
): Origin['options'] => ({
  spacingMm: [...(spacingMm ?? model.preprocessing.spacingMm)],
  step: windowStep ?? model.windowStep,
  dtype: dtype ?? null,
  resample: resample ?? 'logits',
  mirror: mirror ? [...mirror] : [...model.mirrorAxes].map((axis) => 'DHW'[axis]!),
  skipEarly: skipEarly ?? false,
  ...(leastProbability && { leastProbability: [...leastProbability] }),
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
