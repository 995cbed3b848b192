/** nnU-Net's plans and description of the data for a run's network and preprocessing. */
import type { Normalisation, Resampler } from '@organseg/core/inference/nnunet/preprocessing.ts';
import type { PlainConvUnetConfig, ResidualEncoderUnetConfig } from '@organseg/core/network/networkConfig.ts';
import type { Region } from '@organseg/core/regions.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { ModelPreprocessing } from '../predict/model.ts';

/** The names that nnU-Net gives to models that nobody gave another. */
export const [TRAINER, PLANS, CONFIGURATION] = ['nnUNetTrainer', 'nnUNetPlans', '3d_fullres'];

/** The networks that plans can describe. */
export type NnunetNetwork = PlainConvUnetConfig | ResidualEncoderUnetConfig;

/** What plans are made of. */
export interface PlanFacts {
  /** DatasetNNN_NAME. */
  readonly dataset: string;
  readonly network: NnunetNetwork;
  readonly preprocessing: ModelPreprocessing;
  readonly patch: Dhw;
  /** Patches of a step of training. */
  readonly batch: number;
}

/** plans.json, in the form that nnU-Net has had since its version 2.4. */
export function plansOf({ dataset, network, preprocessing, patch, batch }: PlanFacts) {
  const { spacing, channels, data, probabilities } = preparationOf(preprocessing);
  return {
    dataset_name: dataset,
    plans_name: PLANS,
    // Nothing that predicts reads the medians; a run does not record them.
    original_median_spacing_after_transp: spacing,
    original_median_shape_after_transp: patch,
    image_reader_writer: 'NibabelIOWithReorient',
    transpose_forward: [0, 1, 2],
    transpose_backward: [0, 1, 2],
    experiment_planner_used: 'ExperimentPlanner',
    label_manager: 'LabelManager',
    configurations: {
      [CONFIGURATION]: {
        data_identifier: `${PLANS}_${CONFIGURATION}`,
        preprocessor_name: 'DefaultPreprocessor',
        batch_size: batch,
        patch_size: patch,
        median_image_size_in_voxels: patch,
        spacing,
        normalization_schemes: channels.map(({ scheme }) => scheme),
        use_mask_for_norm: channels.map((each) => 'useMask' in each && each.useMask),
        ...resampling('data', resampled(data)),
        ...resampling('seg', { ...resampled(probabilities), is_seg: true }),
        ...resampling('probabilities', resampled(probabilities)),
        batch_dice: false,
        architecture: architectureOf(network),
      },
    },
    foreground_intensity_properties_per_channel: Object.fromEntries(channels.map(intensitiesOf).entries()),
  };
}

/** A run's preparation of scans in nnU-Net's terms. */
function preparationOf(preprocessing: ModelPreprocessing) {
  if (preprocessing.by === 'nnU-Net') {
    const { spacingMm, channels, dataResampling, logitsResampling } = preprocessing;
    return { spacing: spacingMm, channels, data: dataResampling, probabilities: logitsResampling };
  }
  const [x, y, z] = preprocessing.spacingMm;
  const { low, high } = preprocessing.intensity;
  // Clipped to [low, high], minus low, by the range: to [0, 1].
  const channel = { scheme: 'CTNormalization', low, high, mean: low, std: high - low } as const;
  return { spacing: [z, y, x], channels: [channel], data: LINEAR, probabilities: LINEAR };
}

/** Linear along all three axes, however coarse one is. */
const LINEAR: Resampler = { order: 1, orderZ: 0, forceSeparateZ: false, separateZThreshold: 3 };

const resampled = ({ order, orderZ, forceSeparateZ }: Resampler) => ({
  is_seg: false,
  order,
  order_z: orderZ,
  force_separate_z: forceSeparateZ,
});

/** The intensities of a channel of CT; nobody asks for those of others. */
function intensitiesOf(channel: Normalisation) {
  if (channel.scheme !== 'CTNormalization')
    return { percentile_00_5: 0, percentile_99_5: 0, mean: 0, std: 0, min: 0, max: 0, median: 0 };
  const { low, high, mean, std } = channel;
  return { percentile_00_5: low, percentile_99_5: high, mean, std, min: low, max: high, median: mean };
}

/** How data, labels or probabilities are resampled. */
export const resampling = (what: 'data' | 'seg' | 'probabilities', settings: object) => ({
  [`resampling_fn_${what}`]: 'resample_data_or_seg_to_shape',
  [`resampling_fn_${what}_kwargs`]: settings,
});

/** A network as plans describe it. */
export function architectureOf(network: NnunetNetwork) {
  const { architecture, filters, kernels, strides, decoderConvolutions } = network;
  return {
    network_class_name: `dynamic_network_architectures.architectures.unet.${architecture}`,
    arch_kwargs: {
      n_stages: filters.length,
      features_per_stage: filters,
      conv_op: 'torch.nn.modules.conv.Conv3d',
      kernel_sizes: kernels,
      strides,
      ...(network.architecture === 'PlainConvUNet'
        ? { n_conv_per_stage: network.convolutions }
        : { n_blocks_per_stage: network.blocks, stem_channels: network.stemChannels }),
      n_conv_per_stage_decoder: decoderConvolutions,
      conv_bias: network.transposedBias, // of all convolutions; that before a norm changes nothing,
      norm_op: 'torch.nn.modules.instancenorm.InstanceNorm3d',
      norm_op_kwargs: { affine: true }, // eps is 1e-5 without being told
      dropout_op: null,
      dropout_op_kwargs: null,
      nonlin: 'torch.nn.LeakyReLU',
      nonlin_kwargs: { inplace: true },
    },
    _kw_requires_import: ['conv_op', 'norm_op', 'dropout_op', 'nonlin'],
  };
}

/** What of a model dataset.json says. */
interface DatasetFacts {
  readonly labelNames: readonly string[];
  readonly channelNames: readonly string[];
  /** The regions that the network tells apart, by its outputs; null where these are the labels. */
  readonly regions?: readonly Region[] | null;
}

/** dataset.json: the channels, and the labels by name, the background under the name that nnU-Net expects. */
export const datasetOf = (
  dataset: string,
  { labelNames, channelNames, regions }: DatasetFacts,
  trainingCases: number,
) => ({
  name: dataset,
  channel_names: { ...channelNames },
  labels: {
    background: 0,
    ...(regions
      ? Object.fromEntries(regions.map(({ labels, label }) => [labelNames[label], labels]))
      : Object.fromEntries(labelNames.map((name, label) => [name, label] as const).slice(1))),
  },
  ...(regions && { regions_class_order: regions.map(({ label }) => label) }),
  numTraining: trainingCases,
  file_ending: '.nii.gz',
  overwrite_image_reader_writer: 'NibabelIOWithReorient',
});
