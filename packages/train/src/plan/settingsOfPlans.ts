/** The settings that a plans file of nnU-Net's gives a run. */
import type { NnunetPreprocessing } from '@organseg/core/inference/nnunet/preprocessing.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { check } from '@organseg/files/parseJson.ts';
import { z } from 'zod';
import { nnunetPreprocessing } from '../config/channels.ts';
import type { Config } from '../config/schema.ts';
import { CONFIGURATION } from '../exported/nnunetPlans.ts';
import { describe, type Named } from '../imported/nnunet/plans.ts';
import { channelSettings } from './channelSettings.ts';
import { settingsOfNetworkPlan } from './planSettings.ts';

/** Whether JSON is a plans file of nnU-Net's. */
export const isPlansFile = (value: unknown): boolean =>
  z.looseObject({ configurations: z.looseObject({}), transpose_forward: z.unknown() }).safeParse(value)
    .success;

const schema = z.looseObject({
  transpose_backward: z.tuple([z.int(), z.int(), z.int()]),
  configurations: z.looseObject({
    [CONFIGURATION]: z.looseObject({
      batch_size: z.int().positive(),
      normalization_schemes: z.array(z.string()),
    }),
  }),
});

/** Throws InputError where a run on such channels would resample its scans otherwise. */
function assertResampling({ channels, dataResampling }: NnunetPreprocessing, path: string): void {
  const own = nnunetPreprocessing(channels, [1, 1, 1]).dataResampling;
  const { order, forceSeparateZ, separateZThreshold } = dataResampling;
  const isOwn =
    order === own.order &&
    forceSeparateZ === own.forceSeparateZ &&
    separateZThreshold === own.separateZThreshold;
  if (!isOwn)
    throw new InputError(
      `${path}: configuration ${CONFIGURATION}: training resamples by nnU-Net’s defaults (order 3, force_separate_z null, separate_z_anisotropy_threshold 3), not by order ${order}, force_separate_z ${forceSeparateZ}, separate_z_anisotropy_threshold ${separateZThreshold}`,
    );
}

/**
 * The preset's training with the network, grid, patch, batch and intensities of 3d_fullres. Throws InputError that names
 * what is not known, or not trained.
 */
export function settingsOfPlans(preset: Config, { json, path }: Named): Config {
  const { configurations, transpose_backward } = check(json, schema, path);
  const { batch_size, normalization_schemes } = configurations[CONFIGURATION] as z.infer<
    typeof schema
  >['configurations'][string];
  // The names of channels and labels are those of the data set that is trained on.
  const dataset = { channel_names: { ...normalization_schemes }, labels: { background: 0, organ: 1 } };
  const { network, patch, preprocessing } = describe({ json, path }, { json: dataset, path }, CONFIGURATION);
  if (network.architecture !== 'PlainConvUNet' && network.architecture !== 'ResidualEncoderUNet')
    throw new InputError(`${path}: has a ${network.architecture}, which nnU-Net does not plan`);
  if (preprocessing.by !== 'nnU-Net') throw new Error('nnU-Net’s plans prepare scans as nnU-Net does');
  const intensities = channelSettings(preset, preprocessing.channels);
  if (intensities.channels) assertResampling(preprocessing, path);
  const blocks = network.architecture === 'PlainConvUNet' ? network.convolutions : network.blocks;
  const plan = {
    ...network,
    patch,
    blocks,
    decoderBlocks: network.decoderConvolutions,
    spacingMm: preprocessing.spacingMm,
    batch: batch_size,
  };
  return {
    ...settingsOfNetworkPlan(preset, plan, transpose_backward),
    transposedBias: network.transposedBias,
    ...intensities,
  };
}
