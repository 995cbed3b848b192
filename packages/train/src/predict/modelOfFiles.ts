/** The model that files hold, wherever they lie: a run, or one that was trained elsewhere. */
import { InputError } from '@organseg/core/inputError.ts';
import { modelOfSettings } from '../config/network.ts';
import { type ModelFiles, readJson } from '../imported/modelFiles.ts';
import { modelKind } from '../imported/modelKind.ts';
import { readMonaiModel } from '../imported/monai/readMonaiModel.ts';
import type { NnunetChoice } from '../imported/nnunet/choice.ts';
import { readNnunetModel } from '../imported/nnunet/readNnunetModel.ts';
import { BEST, OpenParameters } from '../run/openParameters.ts';
import { DESCRIPTION, runFile, runOf } from '../run/runDescription.ts';
import { CALIBRATION, type Calibration, calibration } from './calibration.ts';
import type { Model } from './model.ts';

/** Throws InputError where they hold no model, several, or none that there is a choice of. */
export async function modelOfFiles(files: ModelFiles, choice: NnunetChoice = {}): Promise<Model> {
  const found = await modelKind(files);
  const asked = (['folds', 'checkpoint'] as const).find((key) => choice[key] !== undefined);
  if (asked && found.kind !== 'nnU-Net')
    throw new InputError(`${files.path}: is a ${found.kind}; --${asked} is for models of nnU-Net alone`);
  switch (found.kind) {
    case 'run':
      return modelOfRun(found.files);
    case 'nnU-Net':
      return readNnunetModel(found.files, choice);
    case 'MONAI bundle':
      return readMonaiModel(found.files);
  }
}

/** The calibration of a run's weights; one of other weights says nothing of these. */
async function calibrationIn(files: ModelFiles): Promise<Calibration | undefined> {
  if (!files.has(CALIBRATION)) return undefined;
  const found = await readJson(files, CALIBRATION, calibration);
  return found.weights === (await files.sha256(BEST)) ? found : undefined;
}

async function modelOfRun(files: ModelFiles): Promise<Model> {
  const description = await readJson(files, DESCRIPTION, runFile);
  const { config, labelNames, channelNames } = runOf(description, files.pathOf(DESCRIPTION));
  return {
    ...modelOfSettings(config, { labelNames, channelNames }),
    paths: [files.path],
    regions: config.regions ?? undefined,
    calibration: await calibrationIn(files),
    weights: [
      {
        path: files.pathOf(BEST),
        sha256: () => files.sha256(BEST),
        open: async (specs) => new OpenParameters(await files.open(BEST), specs),
      },
    ],
  };
}
