/** Models by their folders: runs, and models that were trained elsewhere. */
import { InputError } from '@organseg/core/inputError.ts';
import { sha256Of } from '@organseg/files/fileRecord.ts';
import { preprocessingOf } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import { modelKind } from '../imported/modelKind.ts';
import { readMonaiModel } from '../imported/monai/readMonaiModel.ts';
import { readNnunetModel } from '../imported/nnunet/readNnunetModel.ts';
import { ParametersFile } from '../run/checkpoint.ts';
import { bestCheckpoint, readRun } from '../run/runFolder.ts';
import { averageOf, type Model } from './model.ts';

/** Which weights of a model of nnU-Net are averaged. */
export interface ModelChoice {
  /** The folds by name, 0 … or all; those that there are unless given. */
  readonly folds?: readonly string[] | undefined;
  /** nnU-Net's checkpoint_final or checkpoint_best; final unless given. */
  readonly checkpoint?: 'final' | 'best' | undefined;
}

/**
 * The model of a folder, or of several that are alike, whose logits are averaged. Throws InputError where a folder holds
 * none, or none that there is a choice of, or they are not alike.
 */
export async function openModel(
  folders: string | readonly string[],
  choice: ModelChoice = {},
): Promise<Model> {
  return averageOf(await Promise.all([folders].flat().map((folder) => modelAt(folder, choice))));
}

async function modelAt(path: string, choice: ModelChoice): Promise<Model> {
  const found = await modelKind(path);
  const asked = (['folds', 'checkpoint'] as const).find((key) => choice[key] !== undefined);
  if (asked && found.kind !== 'nnU-Net')
    throw new InputError(`${path}: is a ${found.kind}; --${asked} is for models of nnU-Net alone`);
  switch (found.kind) {
    case 'run':
      return modelOfRun(found.folder);
    case 'nnU-Net':
      return readNnunetModel(found.files, choice);
    case 'MONAI bundle':
      return readMonaiModel(found.files);
  }
}

async function modelOfRun(folder: string): Promise<Model> {
  const { config, labelNames } = await readRun(folder);
  const path = bestCheckpoint(folder);
  return {
    paths: [folder],
    network: networkConfig(config),
    patch: config.patch,
    windowStep: config.windowStep,
    labelNames,
    channelNames: ['CT'],
    preprocessing: { by: 'organseg', ...preprocessingOf(config) },
    mirrorAxes: [],
    weights: [
      {
        path,
        sha256: () => sha256Of(path),
        open: async (specs) => new ParametersFile(path, specs),
      },
    ],
  };
}
