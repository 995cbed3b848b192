/** Models of nnU-Net v2: plans.json, dataset.json, and a checkpoint for each fold. */
import { InputError } from '@organseg/core/inputError.ts';
import { listed } from '@organseg/core/words.ts';
import { firstDifference } from '@organseg/files/differences.ts';
import { readTorchFile, type TorchFile } from '@organseg/files/torch/torchFile.ts';
import { z } from 'zod';
import type { Model, ModelWeights } from '../../predict/model.ts';
import { type ModelFiles, readJson } from '../modelFiles.ts';
import { isFold } from '../modelKind.ts';
import { stateDictWeights, tensorsOf } from '../stateDictWeights.ts';
import { type NnunetCheckpoint, readCheckpoint } from './checkpoint.ts';
import type { NnunetChoice } from './choice.ts';
import { type Description, describe } from './plans.ts';

/** nnU-Net's step from one window to the next, as a share of the patch. */
const WINDOW_STEP = 0.5;

/**
 * The model in a folder. Its first checkpoint is read now, but for its weights; the others are compared with it when
 * their weights are opened. Throws InputError that names the file and the fault, or what is not known of it.
 */
export async function readNnunetModel(files: ModelFiles, choice: NnunetChoice = {}): Promise<Model> {
  const checkpoints = await checkpointsOf(files, choice);
  const [plans, dataset] = await Promise.all(
    ['plans.json', 'dataset.json'].map(async (name) => ({
      json: await readJson(files, name, z.json()),
      path: files.pathOf(name),
    })),
  );
  const first = await openCheckpoint(files, checkpoints[0]!);
  first.file.close();
  const { configuration, mirrorAxes } = first;
  const description = describe(plans!, dataset!, configuration);
  const trained = assertAgrees(first, description, configuration);
  const renamed = firstDifference(namesOf(trained), namesOf(description));
  const weightsOf = (name: string): ModelWeights => ({
    path: files.pathOf(name),
    sha256: () => files.sha256(name),
    async open() {
      const opened = await openCheckpoint(files, name);
      try {
        assertAgrees(opened, description, configuration);
        const stateDict = tensorsOf(opened.weights, opened.file.path);
        return stateDictWeights(opened.file, stateDict, description.network);
      } catch (error) {
        opened.file.close();
        throw error;
      }
    },
  });
  return {
    paths: [files.path],
    ...description,
    windowStep: WINDOW_STEP,
    mirrorAxes,
    weights: checkpoints.map(weightsOf),
    notes: renamed
      ? [`${dataset!.path}: its names are taken, though ${checkpoints[0]} has others: ${renamed}`]
      : [],
  };
}

/** The names of labels and channels, which are for people: nnU-Net goes by their numbers. */
const namesOf = ({ labelNames, channelNames }: Description) => ({
  labels: { ...labelNames },
  channel_names: { ...channelNames },
});

/** The names of the folds' checkpoints. */
async function checkpointsOf(
  files: ModelFiles,
  { folds, checkpoint = 'final' }: NnunetChoice,
): Promise<string[]> {
  const nameOf = (fold: string, which = checkpoint) => `fold_${fold}/checkpoint_${which}.pth`;
  const all = (await files.names()).filter(isFold).map((name) => name.slice('fold_'.length));
  const there = all.filter((fold) => files.has(nameOf(fold)));
  if (there.length === 0) {
    const other = checkpoint === 'final' ? 'best' : 'final';
    const advice = all.some((fold) => files.has(nameOf(fold, other)))
      ? `, but a checkpoint_${other}.pth; --checkpoint ${other} takes that`
      : '';
    throw new InputError(`${files.path}: no fold has a checkpoint_${checkpoint}.pth${advice}`);
  }
  const numbered = there.filter((fold) => fold !== 'all').sort((a, b) => Number(a) - Number(b));
  const wanted = folds ?? (numbered.length > 0 ? numbered : there);
  const lost = wanted.find((fold) => !there.includes(fold));
  if (lost !== undefined)
    throw new InputError(`${files.path}: has no ${nameOf(lost)}; its folds are ${listed(there)}`);
  return wanted.map((fold) => nameOf(fold));
}

interface OpenCheckpoint extends NnunetCheckpoint {
  readonly file: TorchFile;
}

async function openCheckpoint(files: ModelFiles, name: string): Promise<OpenCheckpoint> {
  const file = await readTorchFile(await files.open(name));
  try {
    return { file, ...readCheckpoint(file.value, file.path) };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * The model that a checkpoint's own plans and dataset.json describe. Throws InputError where it is another one but for
 * names.
 */
function assertAgrees(
  checkpoint: OpenCheckpoint,
  description: Description,
  configuration: string,
): Description {
  const { path } = checkpoint.file;
  if (checkpoint.configuration !== configuration)
    throw new InputError(`${path}: is of configuration ${checkpoint.configuration}, not ${configuration}`);
  const plans = { json: checkpoint.plans, path: `${path}: its plans` };
  const dataset = { json: checkpoint.dataset, path: `${path}: its dataset_json` };
  const its = describe(plans, dataset, configuration);
  const { labelNames, channelNames } = description;
  const difference = firstDifference({ ...its, labelNames, channelNames }, description);
  if (difference)
    throw new InputError(`${path}: its plans or dataset_json are not the folder's: ${difference}`);
  return its;
}
