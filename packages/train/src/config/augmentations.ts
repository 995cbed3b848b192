/** Augmentations as settings; `data/augment.ts` applies them. */
import { z } from 'zod';

const probability = z.number().min(0).max(1);
const range = z.tuple([z.number(), z.number()]).refine(([low, high]) => low <= high, 'expects [low, high]');
const positiveRange = range.refine(([low]) => low > 0, 'expects values above 0');

export const augmentationSchema = z.discriminatedUnion('kind', [
  /** Rotation, scaling and elastic deformation by one resampling; see data/spatial.ts. */
  z.strictObject({
    kind: z.literal('spatial'),
    rotation: z.strictObject({ probability, degrees: range }),
    scaling: z.strictObject({ probability, factor: positiveRange }),
    elastic: z.strictObject({ probability, pointsMm: z.number().positive(), displacementMm: range }),
  }),
  /** Mirroring, with a probability for each axis of the volume. */
  z.strictObject({ kind: z.literal('mirror'), x: probability, y: probability, z: probability }),
  /** A Gaussian filter with one width for each axis. */
  z.strictObject({ kind: z.literal('smooth'), probability, sigmaVoxels: positiveRange }),
  /** Gaussian noise. */
  z.strictObject({ kind: z.literal('noise'), probability, mean: range, std: range }),
  /** A power of the intensities, of the inverted ones or not; afterwards their mean and deviation may be restored. */
  z.strictObject({
    kind: z.literal('gamma'),
    probability,
    exponent: positiveRange,
    inverted: z.boolean(),
    keepsStatistics: z.boolean(),
  }),
  /** Additive brightness, in intensities of 0 to 1. */
  z.strictObject({ kind: z.literal('shift'), probability, offset: range }),
  /** Multiplicative brightness. */
  z.strictObject({ kind: z.literal('scale'), probability, factor: positiveRange }),
  /** Distances from the mean intensity times a factor. */
  z.strictObject({ kind: z.literal('contrast'), probability, factor: positiveRange }),
  /** Down to a share of the voxels along each axis, and up again. */
  z.strictObject({ kind: z.literal('lowResolution'), probability, zoom: positiveRange }),
]);
export type Augmentation = z.infer<typeof augmentationSchema>;

/** The deviations of the organs' HU, some 100 HU, in the presets' unit of intensity, the 600 HU from −300 to 300. */
const PRESET_DEVIATIONS = 6;

/** A preset's augmentations where a deviation of the organs' intensities has this size in what the network sees. */
export function inUnitOf(augmentations: readonly Augmentation[], deviation: number): Augmentation[] {
  const scaled = ([low, high]: readonly [number, number]): [number, number] => [inUnit(low), inUnit(high)];
  const inUnit = (value: number) => Number((PRESET_DEVIATIONS * deviation * value).toPrecision(4));
  return augmentations.map((each) => {
    if (each.kind === 'noise') return { ...each, mean: scaled(each.mean), std: scaled(each.std) };
    return each.kind === 'shift' ? { ...each, offset: scaled(each.offset) } : each;
  });
}
