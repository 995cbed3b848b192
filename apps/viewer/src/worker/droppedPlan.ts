/** A plan that was dropped in place of a model: a model without weights, which has learnt nothing yet. */
import { InputError } from '@organseg/core/inputError.ts';
import { channelNamesOf, description, labelsOf } from '@organseg/files/datasetDescription.ts';
import { assertChannels, knownChannels } from '@organseg/train/config/channels.ts';
import { modelOfSettings } from '@organseg/train/config/network.ts';
import { PRESETS } from '@organseg/train/config/presets.ts';
import { type Config, parseConfig } from '@organseg/train/config/schema.ts';
import { type ModelFiles, readJson } from '@organseg/train/imported/modelFiles.ts';
import { isPlansFile, settingsOfPlans } from '@organseg/train/plan/settingsOfPlans.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { z } from 'zod';

const DATASET = 'dataset.json';
/** What lies beside plans, of `plan` and of nnU-Net, and is no plan. */
const BESIDE = [DATASET, 'dataset_fingerprint.json', 'fingerprint', 'splits_final.json'];

/** Whether JSON is the settings that `plan` writes. */
const isSettings = (json: unknown): boolean =>
  z.looseObject({ filters: z.unknown(), patch: z.unknown(), strides: z.unknown() }).safeParse(json).success;

/**
 * The model of a plan, of `plan` or of nnU-Net, with the names of the dataset.json beside it, if any; undefined where files
 * are no plan. Throws InputError where it is broken, or of what is not learnt here.
 */
export async function planIn(files: ModelFiles): Promise<Model | undefined> {
  const all = await files.names();
  const [name, ...others] = all.filter((each) => !BESIDE.includes(each));
  if (!name?.toLowerCase().endsWith('.json') || others.length) return undefined;
  const json = await readJson(files, name, z.unknown());
  const path = files.pathOf(name);
  const isNnunets = isPlansFile(json);
  if (!isNnunets && !isSettings(json)) return undefined;
  const config = isNnunets
    ? settingsOfPlans(PRESETS['noisy-student'], { json, path })
    : parseConfig(json, path);
  const hasDataset = all.includes(DATASET);
  if (isNnunets && !hasDataset)
    throw new InputError(`${path}: drop ${DATASET} together with it, which names the labels`);
  const names = hasDataset ? await namesIn(files, config) : namesOf(config);
  const settings = { ...config, classes: names.labelNames.length };
  return { ...modelOfSettings(settings, names), paths: [path], weights: [] };
}

type Names = Pick<Model, 'labelNames' | 'channelNames'>;

/** The names in dataset.json. Throws InputError where the plan is for other channels, or labels are regions. */
async function namesIn(files: ModelFiles, config: Config): Promise<Names> {
  const described = await readJson(files, DATASET, description);
  const path = files.pathOf(DATASET);
  const { labelNames, regions } = labelsOf(described, path);
  if (regions) throw new InputError(`${path}: its labels are regions that overlap, which train alone learns`);
  const channelNames = channelNamesOf(described, path);
  assertChannels(config, { folder: path, channelNames });
  return { labelNames, channelNames: knownChannels(config, channelNames) };
}

/** Numbers in place of names. */
const namesOf = ({ classes, channels }: Config): Names => ({
  labelNames: ['background', ...Array.from({ length: classes - 1 }, (_, i) => `label ${i + 1}`)],
  channelNames: knownChannels({ channels }, channels?.map((_, i) => `channel ${i}`) ?? []),
});
