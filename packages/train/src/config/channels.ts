/**
 * The channels of a run's scans as settings: nnU-Net's normalisation of each, or none where a single channel is CT whose
 * HU are brought to 0 … 1 (`intensityLowHu`, `intensityHighHu`).
 */

import { dhwOf } from '@organseg/core/inference/axes.ts';
import type { NnunetPreprocessing, Normalisation } from '@organseg/core/inference/nnunet/preprocessing.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { isCt } from '@organseg/core/volume/hounsfield.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { z } from 'zod';

/** A channel's normalisation, under nnU-Net's names. */
export const channelSchema: z.ZodType<Normalisation> = z.discriminatedUnion('scheme', [
  z.strictObject({
    scheme: z.literal('CTNormalization'),
    low: z.number(),
    high: z.number(),
    mean: z.number(),
    std: z.number(),
  }),
  z.strictObject({ scheme: z.literal('ZScoreNormalization'), useMask: z.boolean() }),
  z.strictObject({ scheme: z.literal('RescaleTo01Normalization') }),
  z.strictObject({ scheme: z.literal('RGBTo01Normalization') }),
  z.strictObject({ scheme: z.literal('NoNormalization') }),
]);

/** nnU-Net's resampling: cubic splines for scans, linear for logits, nearest along an axis that is coarse alone. */
const RESAMPLING = { orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 } as const;

/** How nnU-Net prepares scans of such channels, turned to RAS+. */
export const nnunetPreprocessing = (
  channels: readonly Normalisation[],
  spacingMm: Xyz,
): NnunetPreprocessing => ({
  reorient: true,
  transposeForward: [0, 1, 2],
  spacingMm: dhwOf(spacingMm),
  channels,
  dataResampling: { ...RESAMPLING, order: 3 },
  logitsResampling: { ...RESAMPLING, order: 1 },
});

/** The names by which a run with these settings knows a data set's channels: a single one of CT is CT. */
export const knownChannels = (
  { channels }: { readonly channels: readonly Normalisation[] | null },
  channelNames: readonly string[],
): readonly string[] => (channels ? channelNames : ['CT']);

/** Throws InputError where a data set has other channels than the settings are for. */
export function assertChannels(
  { channels }: { readonly channels: readonly Normalisation[] | null },
  { folder, channelNames }: { readonly folder: string; readonly channelNames: readonly string[] },
): void {
  const names = channelNames.join(', ');
  if (channels && channels.length !== channelNames.length)
    throw new InputError(
      `${folder}: has the channels ${names}; the settings’ channels say how ${channels.length} are normalised`,
    );
  if (!channels && !(channelNames.length === 1 && isCt(channelNames[0]!)))
    throw new InputError(
      `${folder}: has the channels ${names}, and these settings are for one of CT; plan writes settings for it`,
    );
}
