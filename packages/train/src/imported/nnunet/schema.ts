/** The forms of nnU-Net's plans.json and dataset.json, as far as predicting needs them. */
import { MAX_CLASSES } from '@organseg/core/organs.ts';
import { VOXEL_MM } from '@organseg/core/volume/scanDoubts.ts';
import { z } from 'zod';

const count = z.int().positive();
const countsByAxis = z.union([count, z.array(count)]);
/** One for all stages, or one for each. */
const byStage = z.union([count, z.array(count)]);
const byStageAndAxis = z.union([count, z.array(countsByAxis)]);
const keywords = z.looseObject({}).nullable().optional();

/** `resample_data_or_seg_to_shape`'s arguments, with its own defaults. */
const resampling = z.looseObject({
  order: z.int().default(3),
  order_z: z.int().default(0),
  force_separate_z: z.boolean().nullable().default(false),
  separate_z_anisotropy_threshold: z.number().positive().default(3),
});

/** The arguments of a network's class. */
export const networkArguments = z.looseObject({
  n_stages: count.max(32),
  features_per_stage: byStage,
  conv_op: z.string(),
  kernel_sizes: byStageAndAxis,
  strides: byStageAndAxis,
  n_conv_per_stage: byStage.optional(),
  n_blocks_per_stage: byStage.optional(),
  n_conv_per_stage_decoder: byStage,
  conv_bias: z.boolean().default(false),
  norm_op: z.string().nullable().default(null),
  norm_op_kwargs: keywords,
  dropout_op: z.string().nullable().default(null),
  dropout_op_kwargs: keywords,
  nonlin: z.string().nullable().default(null),
  nonlin_kwargs: keywords,
  stem_channels: count.nullable().optional(),
});
export type NetworkArguments = z.infer<typeof networkArguments>;

const common = {
  preprocessor_name: z.string().default('DefaultPreprocessor'),
  patch_size: z.array(count),
  spacing: z.array(
    z.number().refine((mm) => mm >= VOXEL_MM[0] && mm <= VOXEL_MM[1], `expected ${VOXEL_MM.join(' to ')} mm`),
  ),
  normalization_schemes: z.array(z.string()),
  use_mask_for_norm: z.array(z.boolean()),
  resampling_fn_data: z.string(),
  resampling_fn_data_kwargs: resampling,
  resampling_fn_probabilities: z.string(),
  resampling_fn_probabilities_kwargs: resampling,
  previous_stage: z.string().nullable().optional(),
};

/** A configuration that names its network's class and arguments. */
export const newConfiguration = z.looseObject({
  ...common,
  architecture: z.looseObject({ network_class_name: z.string(), arch_kwargs: z.unknown() }),
});

/** A configuration of nnU-Net before 2.4, whose arguments stand in itself. */
export const oldConfiguration = z.looseObject({
  ...common,
  UNet_class_name: z.string(),
  UNet_base_num_features: count,
  unet_max_num_features: count,
  n_conv_per_stage_encoder: z.array(count),
  n_conv_per_stage_decoder: byStage,
  conv_kernel_sizes: byStageAndAxis,
  pool_op_kernel_sizes: byStageAndAxis,
});

/** Those of a channel, which CTNormalization needs; of other channels they may be missing. */
export const intensities = z.looseObject({
  mean: z.number(),
  std: z.number(),
  percentile_00_5: z.number(),
  percentile_99_5: z.number(),
});

const permutation = z
  .tuple([z.int(), z.int(), z.int()])
  .refine((axes) => axes.toSorted().join() === '0,1,2', 'expects the axes 0, 1, 2 in some order');

export const plans = z.looseObject({
  image_reader_writer: z.string(),
  transpose_forward: permutation,
  transpose_backward: permutation,
  configurations: z.record(z.string(), z.looseObject({ inherits_from: z.string().optional() })),
  label_manager: z.string().default('LabelManager'),
  foreground_intensity_properties_per_channel: z.record(z.string(), z.unknown()).optional(),
  /** Its name before nnU-Net 2.0. */
  foreground_intensity_properties_by_modality: z.record(z.string(), z.unknown()).optional(),
});
export type Plans = z.infer<typeof plans>;

const label = z
  .int()
  .min(0)
  .max(MAX_CLASSES - 1);
/** A label by itself, which nnU-Net also takes as text. */
const plainLabel = z.union([
  label,
  z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(label),
]);

/** What is wrong with labels by number. */
const V1_LABELS =
  'expected a number; numbers before names are the form of nnU-Net v1, v2 has {"background": 0, "liver": 1}';

export const dataset = z
  .looseObject({
    labels: z.record(
      z.string(),
      z.union([plainLabel, z.array(label).min(1)], {
        error: ({ input }) => (typeof input === 'string' ? V1_LABELS : undefined),
      }),
    ),
    regions_class_order: z.array(label).nullable().optional(),
    channel_names: z.record(z.string(), z.string()).optional(),
    modality: z.record(z.string(), z.string()).optional(),
  })
  .refine(({ channel_names, modality }) => channel_names || modality, 'has no channel_names');
export type NnunetDataset = z.infer<typeof dataset>;
