/** How nnU-Net normalises channels, by their names. */
import type { Normalisation } from '@organseg/core/inference/nnunet/preprocessing.ts';

type Scheme = Normalisation['scheme'];

/** The schemes by the names that ask for them; every other channel is z-scored. */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  ct: 'CTNormalization',
  nonorm: 'NoNormalization',
  zscore: 'ZScoreNormalization',
  rescale_to_0_1: 'RescaleTo01Normalization',
  rgb_to_0_1: 'RGBTo01Normalization',
};
const Z_SCORE: Scheme = 'ZScoreNormalization';
/** Share of an image's voxels that the crop leaves, below which z-scores are of the voxels that are not 0. */
const MASKED_BELOW = 3 / 4;

export interface ChannelNormalisation {
  readonly scheme: Scheme;
  /** Whether mean and deviation are those of the voxels that are not 0. */
  readonly isMasked: boolean;
}

/** Of each channel; the share is the fingerprint's `median_relative_size_after_cropping`. */
export const normalisationsOf = (channelNames: readonly string[], share: number): ChannelNormalisation[] =>
  channelNames.map((name) => {
    const scheme = SCHEMES[name.toLowerCase()] ?? Z_SCORE;
    return { scheme, isMasked: scheme === Z_SCORE && share < MASKED_BELOW };
  });
