/** How nnU-Net's plans prepare scans and take logits back. */
import type {
  NnunetPreprocessing,
  Normalisation,
  Resampler,
} from '@organseg/core/inference/nnunet/preprocessing.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { check } from '@organseg/files/parseJson.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { NewConfiguration, OldConfiguration } from './network.ts';
import { intensities, type Plans } from './schema.ts';

/** The readers of images, and whether they turn them to RAS+. */
const READERS: Readonly<Record<string, boolean>> = {
  NibabelIO: false,
  NibabelIOWithReorient: true,
  SimpleITKIO: false,
};

const PREPROCESSOR = 'DefaultPreprocessor';
const RESAMPLING = 'resample_data_or_seg_to_shape';

/** Throws InputError, after `path` or `where` in it, that names what is not known. */
export function preprocessingOf(
  plans: Plans,
  configuration: NewConfiguration | OldConfiguration,
  channels: number,
  path: string,
  where: string,
): NnunetPreprocessing {
  const reorient = READERS[plans.image_reader_writer];
  if (reorient === undefined)
    throw new InputError(
      `${path}: the reader ${plans.image_reader_writer} is not known, only ${Object.keys(READERS).join(', ')} are`,
    );
  if (configuration.preprocessor_name !== PREPROCESSOR)
    throw new InputError(
      `${where}: the preprocessor ${configuration.preprocessor_name} is not known, only ${PREPROCESSOR} is`,
    );
  const forward = plans.transpose_forward;
  if (forward.some((axis, i) => plans.transpose_backward[axis] !== i))
    throw new InputError(`${path}: transpose_backward does not undo transpose_forward`);
  const logitsResampling = resampler(
    configuration.resampling_fn_probabilities,
    configuration.resampling_fn_probabilities_kwargs,
    where,
  );
  const { order } = logitsResampling;
  if (order === 3)
    throw new InputError(`${where}: probabilities are resampled by order 3, only 0 and 1 are known`);
  return {
    reorient,
    transposeForward: forward,
    spacingMm: configuration.spacing as unknown as Dhw,
    channels: Array.from({ length: channels }, (_, channel) =>
      normalisation(plans, configuration, channel, where),
    ),
    dataResampling: resampler(
      configuration.resampling_fn_data,
      configuration.resampling_fn_data_kwargs,
      where,
    ),
    logitsResampling: { ...logitsResampling, order },
  };
}

function normalisation(
  plans: Plans,
  configuration: NewConfiguration | OldConfiguration,
  channel: number,
  where: string,
): Normalisation {
  const scheme = configuration.normalization_schemes[channel];
  switch (scheme) {
    case 'CTNormalization': {
      const known =
        plans.foreground_intensity_properties_per_channel ??
        plans.foreground_intensity_properties_by_modality;
      if (!known?.[channel])
        throw new InputError(`${where}: CTNormalization has no intensities of channel ${channel}`);
      const of = check(known[channel], intensities, `${where}: the intensities of channel ${channel}`);
      return { scheme, low: of.percentile_00_5, high: of.percentile_99_5, mean: of.mean, std: of.std };
    }
    case 'ZScoreNormalization':
      return { scheme, useMask: configuration.use_mask_for_norm[channel] ?? false };
    case 'RescaleTo01Normalization':
    case 'RGBTo01Normalization':
    case 'NoNormalization':
      return { scheme };
    case undefined:
      throw new InputError(`${where}: normalization_schemes has none for channel ${channel} of dataset.json`);
    default:
      throw new InputError(`${where}: the normalisation ${scheme} is not known`);
  }
}

function resampler(
  name: string,
  settings: NewConfiguration['resampling_fn_data_kwargs'],
  where: string,
): Resampler {
  if (name !== RESAMPLING)
    throw new InputError(`${where}: the resampling function ${name} is not known, only ${RESAMPLING} is`);
  const { order, order_z, force_separate_z, separate_z_anisotropy_threshold } = settings;
  if (order !== 0 && order !== 1 && order !== 3)
    throw new InputError(`${where}: resampling by order ${order} is not known, only by 0, 1 and 3`);
  if (order_z !== 0)
    throw new InputError(
      `${where}: resampling by order ${order_z} along the coarse axis is not known, only by 0`,
    );
  return {
    order,
    orderZ: order_z,
    forceSeparateZ: force_separate_z,
    separateZThreshold: separate_z_anisotropy_threshold,
  };
}
