/** Plans of nnU-Net, those of published models and ones that ask for what is not known. */
import { readFileSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { expect, describe as suite, test } from 'vitest';
import { labelsOf } from './labels.ts';
import { describe } from './plans.ts';
import { dataset } from './schema.ts';

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

const CT_ALONE = { channel_names: { 0: 'CT' }, labels: { background: 0, liver: 1 } };

const RESAMPLING = { is_seg: false, order: 3, order_z: 0, force_separate_z: null };
const ARGUMENTS = {
  n_stages: 3,
  features_per_stage: [8, 16, 32],
  conv_op: 'torch.nn.modules.conv.Conv3d',
  kernel_sizes: [
    [1, 3, 3],
    [3, 3, 3],
    [3, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [1, 2, 2],
    [2, 2, 2],
  ],
  n_conv_per_stage: [2, 1, 2],
  n_conv_per_stage_decoder: [2, 1],
  conv_bias: true,
  norm_op: 'torch.nn.modules.instancenorm.InstanceNorm3d',
  norm_op_kwargs: { eps: 1e-5, affine: true },
  dropout_op: null,
  dropout_op_kwargs: null,
  nonlin: 'torch.nn.LeakyReLU',
  nonlin_kwargs: { inplace: true },
};
const CONFIGURATION = {
  preprocessor_name: 'DefaultPreprocessor',
  patch_size: [16, 32, 48],
  spacing: [3, 1.5, 1.5],
  normalization_schemes: ['CTNormalization'],
  use_mask_for_norm: [false],
  resampling_fn_data: 'resample_data_or_seg_to_shape',
  resampling_fn_data_kwargs: RESAMPLING,
  resampling_fn_probabilities: 'resample_data_or_seg_to_shape',
  resampling_fn_probabilities_kwargs: { ...RESAMPLING, order: 1 },
  architecture: {
    network_class_name: 'dynamic_network_architectures.architectures.unet.PlainConvUNet',
    arch_kwargs: ARGUMENTS,
  },
};
const PLANS = {
  image_reader_writer: 'NibabelIOWithReorient',
  transpose_forward: [2, 0, 1],
  transpose_backward: [1, 2, 0],
  label_manager: 'LabelManager',
  foreground_intensity_properties_per_channel: {
    0: { mean: 30, std: 60, percentile_00_5: -300, percentile_99_5: 200 },
  },
};

/** The description by plans of one configuration, with changes in itself, in it, and in its network's arguments. */
function described(
  changes: { plans?: object; configuration?: object; network?: object; dataset?: object } = {},
) {
  const configuration = {
    ...CONFIGURATION,
    architecture: { ...CONFIGURATION.architecture, arch_kwargs: { ...ARGUMENTS, ...changes.network } },
    ...changes.configuration,
  };
  const configurations = {
    '3d_fullres': configuration,
    cascade: { inherits_from: '3d_fullres', previous_stage: '3d_lowres' },
  };
  return describe(
    { json: { ...PLANS, configurations, ...changes.plans }, path: 'plans.json' },
    { json: { ...CT_ALONE, ...changes.dataset }, path: 'dataset.json' },
    '3d_fullres',
  );
}

test('a configuration is described', () => {
  expect(described()).toEqual({
    network: {
      architecture: 'PlainConvUNet',
      inputChannels: 1,
      classes: 2,
      filters: [8, 16, 32],
      kernels: ARGUMENTS.kernel_sizes,
      strides: ARGUMENTS.strides,
      transposedBias: true,
      convolutions: [2, 1, 2],
      decoderConvolutions: [2, 1],
    },
    patch: [16, 32, 48],
    labelNames: ['background', 'liver'],
    channelNames: ['CT'],
    preprocessing: {
      by: 'nnU-Net',
      reorient: true,
      transposeForward: [2, 0, 1],
      spacingMm: [3, 1.5, 1.5],
      channels: [{ scheme: 'CTNormalization', low: -300, high: 200, mean: 30, std: 60 }],
      dataResampling: { order: 3, orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 },
      logitsResampling: { order: 1, orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 },
    },
  });
});

test('one number stands for all stages, and for all axes', () => {
  const { network } = described({
    network: {
      features_per_stage: 8,
      kernel_sizes: 3,
      n_conv_per_stage: 2,
      n_conv_per_stage_decoder: 1,
      conv_bias: false,
    },
  });
  expect(network).toMatchObject({
    filters: [8, 8, 8],
    kernels: [
      [3, 3, 3],
      [3, 3, 3],
      [3, 3, 3],
    ],
    convolutions: [2, 2, 2],
    decoderConvolutions: [1, 1],
    transposedBias: false,
  });
});

test('intensities that only CT needs may be missing', () => {
  const { preprocessing } = described({
    plans: { foreground_intensity_properties_per_channel: { 0: { mean: null } } },
    configuration: { normalization_schemes: ['ZScoreNormalization'] },
  });
  expect(preprocessing).toMatchObject({ channels: [{ scheme: 'ZScoreNormalization', useMask: false }] });
});

suite('what is not known is refused by its name', () => {
  const architecture = (network_class_name: string) => ({
    architecture: { network_class_name, arch_kwargs: {} },
  });
  test.each<[string, Parameters<typeof described>[0]]>([
    ['plans.json: the reader Tiff3DIO is not known', { plans: { image_reader_writer: 'Tiff3DIO' } }],
    ['plans.json: the label manager MyLabels is not known', { plans: { label_manager: 'MyLabels' } }],
    ['plans.json: transpose_backward does not undo', { plans: { transpose_backward: [2, 0, 1] } }],
    ['plans.json: has no configuration 3d_fullres, only 2d', { plans: { configurations: { '2d': {} } } }],
    [
      'plans.json: configuration 3d_fullres inherits from itself',
      { configuration: { inherits_from: 'cascade' } },
    ],
    [
      'configuration 3d_fullres is the second stage of a cascade, after 3d_lowres',
      { configuration: { previous_stage: '3d_lowres' } },
    ],
    ['configuration 3d_fullres is in 2D', { configuration: { patch_size: [64, 64], spacing: [1, 1] } }],
    [
      'the preprocessor MyPreprocessor is not known',
      { configuration: { preprocessor_name: 'MyPreprocessor' } },
    ],
    [
      'the normalisation MyNormalization is not known',
      { configuration: { normalization_schemes: ['MyNormalization'] } },
    ],
    [
      'the resampling function resample_torch_fornnunet is not known',
      { configuration: { resampling_fn_data: 'resample_torch_fornnunet' } },
    ],
    ['resampling by order 2 is not known', { configuration: { resampling_fn_data_kwargs: { order: 2 } } }],
    [
      'the network nnunetv2.nets.UMambaBot.UMambaBot is not known',
      { configuration: architecture('nnunetv2.nets.UMambaBot.UMambaBot') },
    ],
    [
      'the network ResidualUNet is not known',
      { configuration: architecture('dynamic_network_architectures.architectures.unet.ResidualUNet') },
    ],
    [
      'norm_op expects InstanceNorm3d, got "torch.nn.BatchNorm3d"',
      { network: { norm_op: 'torch.nn.BatchNorm3d' } },
    ],
    ['nonlin expects LeakyReLU, got "torch.nn.ReLU"', { network: { nonlin: 'torch.nn.ReLU' } }],
    ['nonlin_kwargs expects a slope of 0.01', { network: { nonlin_kwargs: { negative_slope: 0.1 } } }],
    ['dropout_op expects null, got "torch.nn.Dropout3d"', { network: { dropout_op: 'torch.nn.Dropout3d' } }],
    [
      'squeeze_excitation expects what nnU-Net has by default, got true',
      { network: { squeeze_excitation: true } },
    ],
    ['kernels of 1 and 3 are known, got [5,5,5]', { network: { kernel_sizes: 5 } }],
    ['n_conv_per_stage expects 3 entries', { network: { n_conv_per_stage: [2, 2] } }],
    ['patch_size [16,32,49] expects multiples of [2,4,4]', { configuration: { patch_size: [16, 32, 49] } }],
    [
      'dataset.json: labels expects 0, 1, 2 and on, once each; 1 is missing',
      { dataset: { labels: { background: 0, liver: 2 } } },
    ],
    ['dataset.json: labels.background expects 0', { dataset: { labels: { liver: 1 } } }],
    ['dataset.json: has no channel_names', { dataset: { channel_names: undefined } }],
    [
      'normalization_schemes has none for channel 1 of dataset.json',
      { dataset: { channel_names: { 0: 'CT', 1: 'PET' } } },
    ],
    [
      'dataset.json: labels.0: expected a number; numbers before names are the form of nnU-Net v1',
      { dataset: { labels: { 0: 'background', 1: 'liver' } } },
    ],
    ['spacing.1: expected 0.05 to 50 mm', { configuration: { spacing: [3, 1e-9, 1.5] } }],
    ['spacing.0: expected 0.05 to 50 mm', { configuration: { spacing: [-3, 1.5, 1.5] } }],
    ['spacing.2: expected a number, got null', { configuration: { spacing: [3, 1.5, null] } }],
    ['use_mask_for_norm: expected a list […], got null', { configuration: { use_mask_for_norm: null } }],
    ['strides: expected a number or a list […], got null', { network: { strides: null } }],
    ['strides.0: expected a number or a list […], got null', { network: { strides: [null] } }],
    [
      'the intensities of channel 0: mean: expected a number, got null',
      { plans: { foreground_intensity_properties_per_channel: { 0: { mean: null } } } },
    ],
  ])('%s', (fault, changes) => {
    expect(() => described(changes)).toThrow(InputError);
    expect(() => described(changes)).toThrow(fault);
  });
});

suite('labels', () => {
  test('are numbers, or numbers as text', () => {
    const { labels } = dataset.parse({ ...CT_ALONE, labels: { background: '0', liver: '1' } });
    expect(labels).toEqual({ background: 0, liver: 1 });
  });

  test('the label to be ignored is no output', () => {
    const labels = { background: 0, liver: 1, ignore: 2 };
    expect(labelsOf({ labels }, 'dataset.json')).toEqual({ outputs: 2, names: ['background', 'liver'] });
  });

  test('regions are outputs, each with its label', () => {
    const labels = { background: 0, tumour: [1, 2], core: 2, ignore: 3 };
    expect(labelsOf({ labels, regions_class_order: [1, 2] }, 'dataset.json')).toEqual({
      outputs: 2,
      names: ['background', 'tumour', 'core'],
      regions: [
        { labels: [1, 2], label: 1 },
        { labels: [2], label: 2 },
      ],
    });
    expect(() => labelsOf({ labels }, 'dataset.json')).toThrow('regions_class_order expects 2 labels');
  });
});

const folder = golden('nnunet-plans');
suite.skipIf(!folder)('published plans (skipped where ../shared is not there)', () => {
  const stages = (filters: number[], rest: object) => ({ filters, ...rest });
  const TWO = (count: number) => Array.from({ length: count }, () => 2);
  const PLAIN = { architecture: 'PlainConvUNet', convolutions: TWO(6), decoderConvolutions: TWO(5) };
  const RESIDUAL = { architecture: 'ResidualEncoderUNet', blocks: [1, 3, 4, 6, 6, 6], stemChannels: 32 };
  const LARGE = [32, 64, 128, 256, 320, 320];

  test.each<[string, string, object | string]>([
    ['CTSegmentation_52HZ/plans.json', '3d_fullres', stages(LARGE, RESIDUAL)],
    ['CTSegmentation_52HZ/plans.json', '3d_lowres', stages(LARGE, RESIDUAL)],
    ['CTSegmentation_52HZ/plans.json', '2d', 'is in 2D'],
    ['CTSegmentation_52HZ/plans.json', '3d_cascade_fullres', 'is the second stage of a cascade'],
    ['FDG_PET_CT_NIH/nnUNetPlans.json', '3d_fullres', { ...PLAIN, inputChannels: 2 }],
    ['FLARE23_blackbean/plans.json', '3d_fullres', { ...PLAIN, classes: 15 }],
    ['UPPECT/plans.json', '3d_lowres', PLAIN],
    ['UPPECT/plans.json', '3d_fullres', PLAIN],
    [
      'liver_timdehaan/plans.json',
      '3d_fullres',
      { ...PLAIN, kernels: [[1, 3, 3], ...Array(5).fill([3, 3, 3])] },
    ],
    ['nnUNetfork_COR/plans.json', '3d_fullres_test', PLAIN],
    [
      'nnUNetfork_imagesTs/plans.json',
      '3d_fullres_bs6x',
      stages([32, 64, 128, 256], { convolutions: TWO(4) }),
    ],
    ['nnUNetfork_imagesTs/plans.json', '2d_bs3x', 'is in 2D'],
    [
      'pancreasCancer_ResEncM/nnUNetResEncUNetMPlans.json',
      '3d_fullres',
      'the network nnunetv2.nets.ResEncUNetWithClass.ResidualEncoderUNetWithClassifier is not known',
    ],
  ])('%s %s', (path, configuration, expected) => {
    const beside = golden(`nnunet-plans/${path.split('/')[0]}/dataset.json`);
    const read = () =>
      describe(
        { json: json(`${folder}/${path}`), path },
        { json: beside ? json(beside) : CT_ALONE, path: 'dataset.json' },
        configuration,
      );
    if (typeof expected === 'string') expect(read).toThrow(expected);
    else expect(read().network).toMatchObject(expected);
  });
});
