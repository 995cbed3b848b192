/** What nnU-Net's plans.json and dataset.json say of a model, but for its weights. */
import { InputError } from '@organseg/core/inputError.ts';
import { patchDivisor } from '@organseg/core/network/networkConfig.ts';
import { listed } from '@organseg/core/words.ts';
import { check } from '@organseg/files/parseJson.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Model } from '../../predict/model.ts';
import { labelsOf } from './labels.ts';
import { type NewConfiguration, networkOf, type OldConfiguration } from './network.ts';
import { preprocessingOf } from './preprocessing.ts';
import { dataset, newConfiguration, oldConfiguration, type Plans, plans } from './schema.ts';

/** JSON with the name by which messages call it. */
export interface Named {
  readonly json: unknown;
  readonly path: string;
}

/** A model of nnU-Net without its weights. */
export type Description = Pick<
  Model,
  'network' | 'patch' | 'labelNames' | 'channelNames' | 'preprocessing' | 'regions'
>;

/** Throws InputError that names the file and what is wrong, or not known, in it. */
export function describe(plansJson: Named, datasetJson: Named, configurationName: string): Description {
  const path = plansJson.path;
  const where = `${path}: configuration ${configurationName}`;
  const itsPlans = check(plansJson.json, plans, path);
  if (itsPlans.label_manager !== 'LabelManager')
    throw new InputError(
      `${path}: the label manager ${itsPlans.label_manager} is not known, only LabelManager is`,
    );
  const configuration = configurationOf(itsPlans, configurationName, path);
  const itsDataset = check(datasetJson.json, dataset, datasetJson.path);
  const labels = labelsOf(itsDataset, datasetJson.path);
  const channelNames = Object.values((itsDataset.modality ?? itsDataset.channel_names)!);
  const inputChannels = channelNames.length;
  const network = networkOf(configuration, { inputChannels, classes: labels.outputs }, where);
  const divisor = patchDivisor(network);
  if (configuration.patch_size.some((size, axis) => size % divisor[axis]! !== 0))
    throw new InputError(
      `${where}: patch_size [${configuration.patch_size}] expects multiples of [${divisor}]`,
    );
  return {
    network,
    patch: configuration.patch_size as unknown as Dhw,
    labelNames: labels.names,
    channelNames,
    preprocessing: { by: 'nnU-Net', ...preprocessingOf(itsPlans, configuration, inputChannels, path, where) },
    ...(labels.regions && { regions: labels.regions }),
  };
}

/** A configuration with what it inherits. Throws InputError where it is not there, or of a kind that is not known. */
function configurationOf(
  { configurations }: Plans,
  name: string,
  path: string,
): NewConfiguration | OldConfiguration {
  const where = `${path}: configuration ${name}`;
  let merged: Record<string, unknown> = {};
  const visited = new Set<string>();
  for (let next: string | undefined = name; next !== undefined; ) {
    if (!Object.hasOwn(configurations, next))
      throw new InputError(
        `${path}: has no configuration ${next}, only ${listed(Object.keys(configurations))}`,
      );
    if (visited.has(next)) throw new InputError(`${where} inherits from itself`);
    visited.add(next);
    const own: Plans['configurations'][string] = configurations[next]!;
    merged = { ...own, ...merged };
    next = own.inherits_from;
  }
  if (merged.previous_stage)
    throw new InputError(
      `${where} is the second stage of a cascade, after ${merged.previous_stage}; cascades are not run`,
    );
  if (Array.isArray(merged.patch_size) && merged.patch_size.length === 2)
    throw new InputError(`${where} is in 2D; only 3D configurations are run`);
  return 'architecture' in merged
    ? check(merged, newConfiguration, where)
    : check(merged, oldConfiguration, where);
}
