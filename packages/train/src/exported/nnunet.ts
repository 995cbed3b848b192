/**
 * Runs as a model of nnU-Net v2: the folder that its predictor takes, with plans.json, dataset.json and a fold for each
 * run.
 */
import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Preprocessing } from '@organseg/core/inference/preprocess.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import type { TorchValue } from '@organseg/files/torch/writePickle.ts';
import { writeTorchFile } from '@organseg/files/torch/writeTorchFile.ts';
import { writeFolderWhole, writeWhole } from '@organseg/files/write.ts';
import type { Model } from '../predict/model.ts';
import { readRun } from '../run/runFolder.ts';
import { CONFIGURATION, datasetOf, type NnunetNetwork, plansOf, TRAINER } from './nnunetPlans.ts';
import { openRuns } from './runModel.ts';
import { stateDict } from './stateDict.ts';

/**
 * Writes the model of runs whose logits are averaged; returns what nnU-Net cannot do as they do. Throws InputError where
 * nnU-Net has no such network, the runs are not alike, or there is anything under the name `out`.
 */
export async function exportNnunet(runs: readonly string[], out: string): Promise<string[]> {
  const model = await openRuns(runs);
  const network = nnunetNetwork(model);
  const { config, data, phase, trainingCases } = await readRun(runs[0]!);
  const dataset = datasetName(data);
  const { preprocessing, patch } = model;
  const plans = plansOf({ dataset, network, preprocessing, patch, batch: config.batch });
  const description = datasetOf(dataset, { ...model, regions: config.regions }, trainingCases.length);
  const { specs } = networkLayout(network);
  await writeFolderWhole(out, async (folder) => {
    for (const [fold, weights] of model.weights.entries()) {
      const values = await weights.open(specs);
      try {
        const how = { plans, configuration: CONFIGURATION, fold, dataset_json: description, device: 'cpu' };
        await mkdir(join(folder, `fold_${fold}`));
        await writeTorchFile(join(folder, `fold_${fold}`, 'checkpoint_final.pth'), {
          network_weights: stateDict(network, values),
          init_args: how,
          current_epoch: config[phase].epochs,
          ...CONSTANTS,
        });
      } finally {
        values.close();
      }
    }
    await writeJson(join(folder, 'dataset.json'), description);
    await writeJson(join(folder, 'plans.json'), plans);
  });
  return differences(model);
}

/**
 * The rest of a checkpoint. It predicts without mirroring, as runs do; there is no state of nnU-Net's optimiser to go on
 * from.
 */
const CONSTANTS: Readonly<Record<string, TorchValue>> = {
  trainer_name: TRAINER,
  inference_allowed_mirroring_axes: null,
  optimizer_state: null,
  grad_scaler_state: null,
  _best_ema: null,
  logging: {
    mean_fg_dice: [],
    ema_fg_dice: [],
    dice_per_class_or_region: [],
    train_losses: [],
    val_losses: [],
    lrs: [],
    epoch_start_timestamps: [],
    epoch_end_timestamps: [],
  },
};

const writeJson = (path: string, value: object) => writeWhole(path, `${JSON.stringify(value, null, 4)}\n`);

/** Throws InputError where nnU-Net has no such network. */
function nnunetNetwork({ network, paths }: Model): NnunetNetwork {
  if (network.architecture === 'PlainConvUNet' || network.architecture === 'ResidualEncoderUNet')
    return network;
  throw new InputError(
    `${paths[0]}: its network is a ${network.architecture}, which nnU-Net does not have; ` +
      'train with --set architecture=PlainConvUNet or ResidualEncoderUNet, or export --to monai',
  );
}

/** nnU-Net's name of the data set in a folder: the folder's, where it is of nnU-Net's form. */
export function datasetName(folder: string): string {
  const name = basename(resolve(folder));
  return /^Dataset\d{3}_/.test(name) ? name : `Dataset001_${name.replaceAll(/[^A-Za-z0-9]/g, '')}`;
}

/** What nnU-Net does otherwise than a run, in one line, then what a user can do about it. */
function differences({ preprocessing, windowStep }: Model): string[] {
  return [
    ...(preprocessing.by === 'organseg' ? preparedOtherwise(preprocessing) : []),
    ...(windowStep === 0.5 ? [] : [`nnU-Net needs -step_size ${windowStep}, the run's step between windows`]),
  ];
}

const preparedOtherwise = ({ intensity: { high, outside } }: Preprocessing): string[] => [
  'nnU-Net will not predict quite the same: it sees the whole scan, not the body alone (scans cropped to the body ' +
    'come closest), clips intensities before it resamples, and lays the resampled grid a little otherwise',
  ...(outside === 'zero'
    ? [`nnU-Net makes 1 of intensities above ${high} HU, of which this network has learnt 0`]
    : []),
];
