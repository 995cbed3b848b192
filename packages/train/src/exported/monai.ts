/** A run as a bundle for MONAI: a state dict that its networks load strictly, and how they are made and fed. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import {
  coarseOutputs,
  type DynUnetConfig,
  type SegResNetConfig,
} from '@organseg/core/network/networkConfig.ts';
import { writeTorchFile } from '@organseg/files/torch/writeTorchFile.ts';
import { writeFolderWhole, writeWhole } from '@organseg/files/write.ts';
import type { Model } from '../predict/model.ts';
import { openRuns, type RunModel } from './runModel.ts';
import { stateDict } from './stateDict.ts';

/**
 * Writes models/model.pt, configs/inference.json and configs/metadata.json. Throws InputError where MONAI has no such
 * network, or there is anything under the name `out`.
 */
export async function exportMonai(run: string, out: string): Promise<void> {
  const model = await openRuns([run]);
  const network = monaiNetwork(model);
  const { specs } = networkLayout(network);
  const values = await model.weights[0]!.open(specs);
  try {
    await writeFolderWhole(out, async (folder) => {
      for (const part of ['models', 'configs']) await mkdir(join(folder, part));
      await writeTorchFile(join(folder, 'models', 'model.pt'), stateDict(network, values));
      await writeJson(join(folder, 'configs', 'inference.json'), inferenceOf(model, network));
      await writeJson(join(folder, 'configs', 'metadata.json'), metadataOf(model));
    });
  } finally {
    values.close();
  }
}

const writeJson = (path: string, value: object) => writeWhole(path, `${JSON.stringify(value, null, 4)}\n`);

type MonaiNetwork = DynUnetConfig | SegResNetConfig;

/** Throws InputError where MONAI has no such network. */
function monaiNetwork({ network, paths }: Model): MonaiNetwork {
  if (network.architecture === 'SegResNet') return network;
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
  const channels = { spatial_dims: 3, in_channels: network.inputChannels, out_channels: network.classes };
  if (network.architecture === 'SegResNet') {
    const { initFilters, blocksDown, blocksUp } = network;
    return {
      _target_: 'SegResNet',
      ...channels,
      init_filters: initFilters,
      blocks_down: blocksDown,
      blocks_up: blocksUp,
    };
  }
  const heads = coarseOutputs(network);
  return {
    _target_: 'DynUNet',
    ...channels,
    kernel_size: network.kernels,
    strides: network.strides,
    upsample_kernel_size: network.strides.slice(1),
    filters: network.filters,
    res_block: network.residual,
    trans_bias: network.transposedBias,
    ...(heads ? { deep_supervision: true, deep_supr_num: heads } : {}),
  };
}

/** What MONAI needs to predict as the run does, up to the body's crop. */
function inferenceOf({ preprocessing, patch, windowStep }: RunModel, network: MonaiNetwork) {
  const { spacingMm, intensity } = preprocessing;
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
          a_min: intensity.low,
          a_max: intensity.high,
          b_min: 0,
          b_max: 1,
          clip: true,
        },
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
