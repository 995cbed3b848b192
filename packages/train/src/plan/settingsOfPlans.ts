/** The settings that a plans file of nnU-Net's gives a run. */
import { InputError } from '@organseg/core/inputError.ts';
import { check } from '@organseg/files/parseJson.ts';
import { z } from 'zod';
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
    ...channelSettings(preset, preprocessing.channels),
  };
}
