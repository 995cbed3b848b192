/** The fingerprint of a data set, in the form of nnU-Net's dataset_fingerprint.json. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';
import type { CaseRecord } from './caseRecord.ts';
import { median, percentileOfSorted } from './percentile.ts';
import type { Grids } from './planNnunet.ts';

/** The name that nnU-Net gives the file. */
export const FINGERPRINT = 'dataset_fingerprint.json';

const intensities = z.looseObject({
  mean: z.number(),
  median: z.number(),
  std: z.number(),
  min: z.number(),
  max: z.number(),
  percentile_00_5: z.number(),
  percentile_99_5: z.number(),
});
export type Intensities = z.infer<typeof intensities>;

/** Numbers along the axes of images as they are read: z, y, x. */
const zyx = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

export const fingerprintSchema = z
  .looseObject({
    /** Of each case, in mm. */
    spacings: z.array(zyx).min(1),
    /** Of each case, in voxels. */
    shapes_after_crop: z.array(zyx).min(1),
    /** Of the labelled voxels, by the channel's number. */
    foreground_intensity_properties_per_channel: z.record(z.string(), intensities),
    /** The voxels that the crop leaves, as a share of the image's: the median of the cases. */
    median_relative_size_after_cropping: z.number(),
  })
  .refine(
    ({ spacings, shapes_after_crop }) => spacings.length === shapes_after_crop.length,
    'expects spacings and shapes_after_crop of the same cases',
  );
export type Fingerprint = z.infer<typeof fingerprintSchema>;

/** What is planned by. */
export const gridsOf = ({ spacings, shapes_after_crop }: Fingerprint): Grids => ({
  spacings: spacings as readonly Dhw[],
  shapesAfterCrop: shapes_after_crop as readonly Dhw[],
});

/** Intensities that are kept of all cases together, for each channel: 40 MB, however many cases there are. */
const KEPT = 1e7;

/**
 * Gathers the records of cases, one at a time. Each case gives as many intensities as any other, as in nnU-Net, which
 * keeps ten times as many.
 */
export class FingerprintGatherer {
  readonly #spacings: Dhw[] = [];
  readonly #shapes: Dhw[] = [];
  readonly #sizes: number[] = [];
  readonly #perCase: number;
  readonly #samples: { readonly values: Float32Array; count: number }[];

  constructor(cases: number, channels: number, samplesOfCase: number) {
    this.#perCase = Math.min(samplesOfCase, Math.max(1, Math.floor(KEPT / cases)));
    this.#samples = Array.from({ length: channels }, () => ({
      values: new Float32Array(cases * this.#perCase),
      count: 0,
    }));
  }

  add({ spacing, shape, shapeAfterCrop, samples }: CaseRecord): void {
    this.#spacings.push(spacing);
    this.#shapes.push(shapeAfterCrop);
    this.#sizes.push(volumeOf(shapeAfterCrop) / volumeOf(shape));
    for (const [channel, each] of samples.entries()) {
      const own = this.#samples[channel]!;
      const kept = each.subarray(0, this.#perCase);
      own.values.set(kept, own.count);
      own.count += kept.length;
    }
  }

  /** Throws InputError where no case had a labelled voxel. */
  finish(): Fingerprint {
    const statistics = this.#samples.map(({ values, count }, channel) => [
      channel,
      statisticsOf(values.subarray(0, count)),
    ]);
    return {
      spacings: this.#spacings as Fingerprint['spacings'],
      shapes_after_crop: this.#shapes as Fingerprint['shapes_after_crop'],
      foreground_intensity_properties_per_channel: Object.fromEntries(statistics),
      median_relative_size_after_cropping: median(this.#sizes),
    };
  }
}

const volumeOf = ([d, h, w]: Dhw) => d * h * w;

/** Sorts the values in place. */
function statisticsOf(values: Float32Array): Intensities {
  if (!values.length) throw new InputError('no label map of the training cases holds a label');
  values.sort();
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {
    mean,
    median: percentileOfSorted(values, 50),
    std: Math.sqrt(variance),
    min: values[0]!,
    max: values.at(-1)!,
    percentile_00_5: percentileOfSorted(values, 0.5),
    percentile_99_5: percentileOfSorted(values, 99.5),
  };
}
