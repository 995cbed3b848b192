/**
 * What of a run's settings depends on its channels: how they are normalised, and augmentations in their unit. Labels are
 * resampled as nnU-Net does.
 */
import type { Normalisation } from '@organseg/core/inference/nnunet/preprocessing.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { inUnitOf } from '../config/augmentations.ts';
import type { Config } from '../config/schema.ts';
import type { Fingerprint } from './fingerprint.ts';
import { normalisationsOf } from './normalisation.ts';

/** How nnU-Net would normalise a data set's channels. */
export function plannedNormalisations(
  channelNames: readonly string[],
  fingerprint: Fingerprint,
): Normalisation[] {
  return normalisationsOf(channelNames, fingerprint.median_relative_size_after_cropping).map(
    ({ scheme, isMasked }, channel) => {
      switch (scheme) {
        case 'CTNormalization': {
          const of = fingerprint.foreground_intensity_properties_per_channel[channel]!;
          return { scheme, low: of.percentile_00_5, high: of.percentile_99_5, mean: of.mean, std: of.std };
        }
        case 'ZScoreNormalization':
          return { scheme, useMask: isMasked };
        default:
          return { scheme };
      }
    },
  );
}

/**
 * The preset's settings for channels that are normalised so: one of CT as a window of HU, any others as nnU-Net does.
 * Throws InputError where all labelled voxels have one intensity.
 */
export function channelSettings(
  { augmentations }: Config,
  channels: readonly Normalisation[],
): Pick<Config, 'channels' | 'augmentations'> & Partial<Config> {
  const labelResampling = 'linear';
  const [first] = channels;
  if (channels.length > 1 || first?.scheme !== 'CTNormalization')
    return { channels: [...channels], labelResampling, augmentations: inUnitOf(augmentations, 1) };
  const { low, high, std } = first;
  if (!(low < high)) throw new InputError(`all labelled voxels have the intensity ${low}`);
  return {
    channels: null,
    labelResampling,
    intensityLowHu: low,
    intensityHighHu: high,
    intensityOutside: 'clip',
    augmentations: inUnitOf(augmentations, std / (high - low)),
  };
}
