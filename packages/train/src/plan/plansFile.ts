/** A plan as nnU-Net's plans.json, in the form that it has had since its version 2.4. */

import { roundHalfToEven } from '@organseg/core/volume/roundHalfToEven.ts';
import { dhw } from '@organseg/kernels/axes.ts';
import { architectureOf, CONFIGURATION, resampling } from '../exported/nnunetPlans.ts';
import type { Fingerprint } from './fingerprint.ts';
import { gridsOf } from './fingerprint.ts';
import { normalisationsOf } from './normalisation.ts';
import { median } from './percentile.ts';
import { type NnunetPlan, PLANNERS, type PlannerName, permuted } from './planNnunet.ts';

export interface PlannedFor {
  /** The data set's name, in nnU-Net's form. */
  readonly dataset: string;
  readonly channelNames: readonly string[];
  readonly labels: number;
  readonly planner: PlannerName;
}

/** Of the configuration 3d_fullres alone. */
export function plansFileOf(plan: NnunetPlan, fingerprint: Fingerprint, data: PlannedFor) {
  const { grid, filters, kernels, strides, blocks, decoderBlocks } = plan;
  const { name, plansName, isResidual } = PLANNERS[data.planner];
  const { spacings, shapesAfterCrop } = gridsOf(fingerprint);
  const medians = (values: typeof spacings) =>
    permuted(
      dhw((axis) => median(values.map((each) => each[axis]!))),
      grid.transpose,
    );
  const normalisations = normalisationsOf(data.channelNames, fingerprint.median_relative_size_after_cropping);
  const common = {
    inputChannels: data.channelNames.length,
    classes: data.labels,
    filters,
    kernels,
    strides,
    transposedBias: true,
    decoderConvolutions: decoderBlocks,
  };
  return {
    dataset_name: data.dataset,
    plans_name: plansName,
    original_median_spacing_after_transp: medians(spacings),
    original_median_shape_after_transp: medians(shapesAfterCrop).map(roundHalfToEven),
    image_reader_writer: 'NibabelIOWithReorient',
    transpose_forward: grid.transpose,
    transpose_backward: grid.transposeBack,
    experiment_planner_used: name,
    label_manager: 'LabelManager',
    configurations: {
      [CONFIGURATION]: {
        data_identifier: `nnUNetPlans_${CONFIGURATION}`,
        preprocessor_name: 'DefaultPreprocessor',
        batch_size: plan.batch,
        patch_size: plan.patch,
        median_image_size_in_voxels: plan.medianShape,
        spacing: plan.spacingMm,
        normalization_schemes: normalisations.map(({ scheme }) => scheme),
        use_mask_for_norm: normalisations.map(({ isMasked }) => isMasked),
        ...resampling('data', { is_seg: false, order: 3, order_z: 0, force_separate_z: null }),
        ...resampling('seg', { is_seg: true, order: 1, order_z: 0, force_separate_z: null }),
        ...resampling('probabilities', { is_seg: false, order: 1, order_z: 0, force_separate_z: null }),
        batch_dice: plan.hasLowResolution,
        architecture: architectureOf(
          isResidual
            ? { ...common, architecture: 'ResidualEncoderUNet', blocks, stemChannels: filters[0]! }
            : { ...common, architecture: 'PlainConvUNet', convolutions: blocks },
        ),
      },
    },
    foreground_intensity_properties_per_channel: fingerprint.foreground_intensity_properties_per_channel,
  };
}
