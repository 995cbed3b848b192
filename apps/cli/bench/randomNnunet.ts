/** A model of nnU-Net v2 of the size of TotalSegmentator's, with random weights. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkLayout } from '@organseg/core/network/network.ts';
import type { PlainConvUnetConfig } from '@organseg/core/network/networkConfig.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { writeTorchFile } from '@organseg/files/torch/writeTorchFile.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { CONFIGURATION, datasetOf, plansOf, TRAINER } from '@organseg/train/exported/nnunetPlans.ts';
import { stateDict } from '@organseg/train/exported/stateDict.ts';

const FILTERS = [32, 64, 128, 256, 320, 320];

/** The network of `total` at 1.5 mm, with all of its classes at once. */
const NETWORK: PlainConvUnetConfig = {
  architecture: 'PlainConvUNet',
  inputChannels: 1,
  classes: 118,
  filters: FILTERS,
  kernels: FILTERS.map((): Dhw => [3, 3, 3]),
  strides: FILTERS.map((_, stage): Dhw => (stage === 0 ? [1, 1, 1] : [2, 2, 2])),
  transposedBias: true,
  convolutions: FILTERS.map(() => 2),
  decoderConvolutions: FILTERS.slice(1).map(() => 2),
};

/** Writes the model into a folder; returns its path. */
export async function writeLikeTotalSegmentator(folder: string): Promise<string> {
  const model = join(folder, 'model');
  const dataset = 'Dataset001_random';
  const exported = plansOf({
    dataset,
    network: NETWORK,
    preprocessing: {
      by: 'organseg',
      spacingMm: [1.5, 1.5, 1.5],
      intensity: { low: -1004, high: 1588, outside: 'clip' },
    },
    patch: [128, 128, 128],
    batch: 2,
  });
  const kwargs = { is_seg: false, order: 3, order_z: 0, force_separate_z: null };
  const settings = { ...exported.configurations[CONFIGURATION]!, resampling_fn_data_kwargs: kwargs };
  const plans = { ...exported, configurations: { [CONFIGURATION]: settings } };
  const labelNames = [
    'background',
    ...Array.from({ length: NETWORK.classes - 1 }, (_, i) => `organ${i + 1}`),
  ];
  const description = datasetOf(dataset, { labelNames, channelNames: ['CT'] }, 1);
  mkdirSync(join(model, 'fold_0'), { recursive: true });
  writeFileSync(join(model, 'plans.json'), JSON.stringify(plans));
  writeFileSync(join(model, 'dataset.json'), JSON.stringify(description));
  await writeTorchFile(join(model, 'fold_0', 'checkpoint_final.pth'), {
    network_weights: stateDict(NETWORK, initialise(networkLayout(NETWORK), new Random(1))),
    init_args: { plans, configuration: CONFIGURATION, fold: 0, dataset_json: description, device: 'cpu' },
    trainer_name: TRAINER,
    inference_allowed_mirroring_axes: null,
  });
  return model;
}
