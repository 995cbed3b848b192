/** What a model is to whoever predicts with it: a network, its weights, and how scans are brought to it. */
import type { Preprocessing } from '@organseg/core/inference/preprocess.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import type { ParameterSpec, ParameterValues } from '@organseg/core/network/parameters.ts';
import { sha256Of } from '@organseg/files/fileRecord.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { preprocessingOf } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import { ParametersFile } from '../run/checkpoint.ts';
import { bestCheckpoint, readRun } from '../run/runFolder.ts';

/** The weights of one of the networks whose logits a model averages. */
export interface ModelWeights {
  /** The file that holds them. */
  readonly path: string;
  /** The SHA-256 that tells them from others. Throws InputError where the file cannot be read. */
  sha256(): Promise<string>;
  /** Values by parameter, each read when it is asked for. Throws InputError where they are broken or of another network. */
  open(specs: readonly ParameterSpec[]): Promise<OpenWeights>;
}

/** Whoever opens weights closes them. */
export interface OpenWeights extends ParameterValues {
  close(): void;
}

export interface Model {
  /** The folder or file of each part, as it was given. */
  readonly paths: readonly string[];
  readonly network: NetworkConfig;
  readonly patch: Dhw;
  /** Step from one window to the next, as a share of the patch. */
  readonly windowStep: number;
  /** The names of its labels, background first. */
  readonly labelNames: readonly string[];
  readonly preprocessing: Preprocessing;
  /** Those of all networks whose logits are averaged. */
  readonly weights: readonly ModelWeights[];
}

/**
 * The model of runs with the same network and preprocessing, whose logits are averaged. Throws InputError where a folder
 * is no run or the runs are not alike.
 */
export async function openModel(folders: string | readonly string[]): Promise<Model> {
  const [first, ...others] = await Promise.all([folders].flat().map(modelOfRun));
  for (const other of others) assertAlike(first!, other);
  const all = [first!, ...others];
  return {
    ...first!,
    paths: all.flatMap(({ paths }) => paths),
    weights: all.flatMap(({ weights }) => weights),
  };
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
    preprocessing: preprocessingOf(config),
    weights: [
      {
        path,
        sha256: () => sha256Of(path),
        open: async (specs) => new ParametersFile(path, specs),
      },
    ],
  };
}

/** Throws InputError, naming what differs, unless the logits of two models mean the same. */
function assertAlike(one: Model, other: Model): void {
  const facts = ({ labelNames: labels, network, preprocessing, patch }: Model) => ({
    labels,
    network,
    preprocessing,
    patch,
  });
  const [mine, its] = [facts(one), facts(other)];
  for (const key of Object.keys(mine) as (keyof typeof mine)[]) {
    if (JSON.stringify(mine[key]) !== JSON.stringify(its[key]))
      throw new InputError(
        `${other.paths[0]}: its ${key} are not those of ${one.paths[0]}; only such models can be averaged`,
      );
  }
}
