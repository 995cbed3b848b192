/** A run as a bundle for MONAI: a state dict that its networks load strictly, and how they are made and fed. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Preprocessing } from '@organseg/core/inference/preprocess.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import {
  coarseOutputs,
  type DynUnetConfig,
  type SegResNetConfig,
  type UnetConfig,
} from '@organseg/core/network/networkConfig.ts';
import { writeTorchFile } from '@organseg/files/torch/writeTorchFile.ts';
import { writeFolderWhole, writeWhole } from '@organseg/files/write.ts';
import type { Model } from '../predict/model.ts';
import { openRuns } from './runModel.ts';
import { stateDict } from './stateDict.ts';

/**
 * Writes models/model.pt, configs/inference.json and configs/metadata.json; returns what MONAI does otherwise than the
 * run. Throws InputError where MONAI has no such network, or there is anything under the name `out`.
 */
export async function exportMonai(run: string, out: string): Promise<string[]> {
  const model = await openRuns([run]);
  const network = monaiNetwork(model);
  const { preprocessing } = model;
  if (model.regions)
    throw new InputError(`${run}: predicts regions, which the bundle does not; export --to nnunet`);
  if (preprocessing.by !== 'organseg')
    throw new InputError(
      `${run}: normalises its channels as nnU-Net does, which the bundle does not; export --to nnunet`,
    );
  const { specs } = networkLayout(network);
  const values = await model.weights[0]!.open(specs);
  try {
    await writeFolderWhole(out, async (folder) => {
      for (const part of ['models', 'configs']) await mkdir(join(folder, part));
      await writeTorchFile(join(folder, 'models', 'model.pt'), stateDict(network, values));
      await writeJson(
        join(folder, 'configs', 'inference.json'),
        inferenceOf({ ...model, preprocessing }, network),
      );
      await writeJson(join(folder, 'configs', 'metadata.json'), metadataOf(model));
    });
  } finally {
    values.close();
  }
  const { high, outside } = preprocessing.intensity;
  return outside === 'zero'
    ? [`MONAI makes 1 of intensities above ${high} HU, of which this network has learnt 0`]
    : [];
}

const writeJson = (path: string, value: object) => writeWhole(path, `${JSON.stringify(value, null, 4)}\n`);

type MonaiNetwork = DynUnetConfig | SegResNetConfig | UnetConfig;

/** Throws InputError where MONAI has no such network. */
function monaiNetwork({ network, paths }: Model): MonaiNetwork {
  if (network.architecture === 'SegResNet' || network.architecture === 'UNet') return network;
  if (network.architecture !== 'DynUNet')
    throw new InputError(
      `${paths[0]}: its network is a ${network.architecture}, which MONAI does not have; export --to nnunet`,
    );
  if (network.filters.length < 3)
    throw new InputError(`${paths[0]}: its network has 2 stages, MONAI's DynUNet has at least 3`);
  return network;
}

/** The arguments that MONAI's network of this form is made with. */
function networkDefinition(network: MonaiNetwork) {
  const { inputChannels, classes } = network;
  const channels = { spatial_dims: 3, in_channels: inputChannels, out_channels: classes };
  if (network.architecture === 'SegResNet') {
    const { initFilters, blocksDown, blocksUp } = network;
    const blocks = { blocks_down: blocksDown, blocks_up: blocksUp };
    return { _target_: 'SegResNet', ...channels, init_filters: initFilters, ...blocks };
  }
  if (network.architecture === 'UNet') return { _target_: 'UNet', ...channels, ...unetArguments(network) };
  const { kernels, strides, filters, residual, transposedBias } = network;
  const heads = coarseOutputs(network);
  return {
    _target_: 'DynUNet',
    ...channels,
    kernel_size: kernels,
    strides,
    upsample_kernel_size: strides.slice(1),
    filters,
    res_block: residual,
    trans_bias: transposedBias,
    ...(heads ? { deep_supervision: true, deep_supr_num: heads } : {}),
  };
}

function unetArguments(network: UnetConfig) {
  const { filters, strides, kernel, upKernel, residualUnits, norm, activation, bias } = network;
  const norms = { instance: 'INSTANCE', affineInstance: ['INSTANCE', { affine: true }], batch: 'BATCH' };
  return {
    channels: filters,
    strides: strides.slice(0, -1),
    kernel_size: kernel,
    up_kernel_size: upKernel,
    num_res_units: residualUnits,
    act:
      activation.kind === 'PReLU'
        ? ['PRELU', { num_parameters: activation.slopes }]
        : ['LEAKYRELU', { negative_slope: activation.slope }],
    norm: norms[norm],
    bias,
  };
}

/** What MONAI needs to predict nearly as the run does. */
function inferenceOf(
  { preprocessing, patch, windowStep }: Model & { readonly preprocessing: Preprocessing },
  network: MonaiNetwork,
) {
  const { spacingMm, intensity } = preprocessing;
  const { low, high } = intensity;
  const image = { keys: 'image' };
  return {
    network_def: networkDefinition(network),
    preprocessing: {
      _target_: 'Compose',
      transforms: [
        { _target_: 'LoadImaged', ...image },
        { _target_: 'EnsureChannelFirstd', ...image },
        { _target_: 'Orientationd', ...image, axcodes: 'RAS' },
        { _target_: 'Spacingd', ...image, pixdim: spacingMm, mode: 'bilinear' },
        {
          _target_: 'ScaleIntensityRanged',
          ...image,
          a_min: low,
          a_max: high,
          b_min: 0,
          b_max: 1,
          clip: true,
        },
        // The box of what is above 0, that is, of the body.
        { _target_: 'CropForegroundd', ...image, source_key: 'image' },
        // The network's axes are z, y, x.
        { _target_: 'Transposed', ...image, indices: [0, 3, 2, 1] },
      ],
    },
    inferer: {
      _target_: 'SlidingWindowInferer',
      roi_size: patch,
      overlap: 1 - windowStep,
      mode: 'gaussian',
    },
  };
}

/** What MONAI's bundles say of themselves. */
function metadataOf({ labelNames, network, patch }: Model) {
  const format = {
    type: 'image',
    modality: 'CT',
    spatial_shape: patch,
    dtype: 'float32',
    is_patch_data: true,
  };
  return {
    version: '1.0.0',
    task: 'Segmentation of organs in CT; the axes of the network are z, y, x',
    network_data_format: {
      inputs: {
        image: {
          ...format,
          format: 'hounsfield',
          num_channels: network.inputChannels,
          value_range: [0, 1],
          channel_def: { 0: 'CT' },
        },
      },
      outputs: {
        pred: {
          ...format,
          format: 'segmentation',
          num_channels: network.classes,
          value_range: [],
          channel_def: Object.fromEntries(labelNames.map((name, label) => [label, name])),
        },
      },
    },
  };
}
