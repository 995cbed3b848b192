/** Augmentations as settings; `data/augment.ts` applies them. */
import { z } from 'zod';

const probability = z.number().min(0).max(1);
const range = z.tuple([z.number(), z.number()]).refine(([low, high]) => low <= high, 'expects [low, high]');
const positiveRange = range.refine(([low]) => low > 0, 'expects values above 0');

export const augmentationSchema = z.discriminatedUnion('kind', [
  /** One resampling; see spatial.ts. */
  z.strictObject({
    kind: z.literal('spatial'),
    rotation: z.strictObject({ probability, degrees: range }),
    scaling: z.strictObject({ probability, factor: positiveRange }),
    elastic: z.strictObject({ probability, pointsMm: z.number().positive(), displacementMm: range }),
  }),
  /** A probability for each axis. */
  z.strictObject({ kind: z.literal('mirror'), x: probability, y: probability, z: probability }),
  z.strictObject({ kind: z.literal('smooth'), probability, sigmaVoxels: positiveRange }),
  z.strictObject({ kind: z.literal('noise'), probability, mean: range, std: range }),
  z.strictObject({
    kind: z.literal('gamma'),
    probability,
    exponent: positiveRange,
    inverted: z.boolean(),
    keepsStatistics: z.boolean(),
  }),
  /** Additive brightness. */
  z.strictObject({ kind: z.literal('shift'), probability, offset: range }),
  /** Multiplicative brightness. */
  z.strictObject({ kind: z.literal('scale'), probability, factor: positiveRange }),
  z.strictObject({ kind: z.literal('contrast'), probability, factor: positiveRange }),
  z.strictObject({ kind: z.literal('lowResolution'), probability, zoom: positiveRange }),
]);
export type Augmentation = z.infer<typeof augmentationSchema>;
