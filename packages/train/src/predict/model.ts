/** What a model is to whoever predicts with it: a network, its weights, and how scans are brought to it. */
import type { NnunetPreprocessing } from '@organseg/core/inference/nnunet/preprocessing.ts';
import type { Preprocessing } from '@organseg/core/inference/preprocess.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import type { ParameterSpec, ParameterValues } from '@organseg/core/network/parameters.ts';
import type { Region } from '@organseg/core/regions.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Calibration } from './calibration.ts';

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

/** How scans are brought to a network and its logits back, by whose rules. */
export type ModelPreprocessing =
  | ({ readonly by: 'organseg' } & Preprocessing)
  | ({ readonly by: 'nnU-Net' } & NnunetPreprocessing);

export interface Model {
  /** The folder or file of each part, as it was given. */
  readonly paths: readonly string[];
  readonly network: NetworkConfig;
  readonly patch: Dhw;
  /** Step from one window to the next, as a share of the patch. */
  readonly windowStep: number;
  /** The names of its labels, background first. */
  readonly labelNames: readonly string[];
  /** The names of its input channels, such as CT or T1. */
  readonly channelNames: readonly string[];
  readonly preprocessing: ModelPreprocessing;
  /** Axes, 0 to 2 of D, H, W, along which windows are mirrored too unless asked otherwise. */
  readonly mirrorAxes: readonly number[];
  /** What each output channel is where channels are regions that may overlap, later over earlier. */
  readonly regions?: readonly Region[] | undefined;
  /** What is known of how far its labels are to be trusted. */
  readonly calibration?: Calibration | undefined;
  /** Those of all networks whose logits are averaged. */
  readonly weights: readonly ModelWeights[];
  /** What whoever uses it should know, a line each. */
  readonly notes?: readonly string[];
}

/** One model whose logits are the averages of several. Throws InputError, naming what differs, where they are not alike. */
export function averageOf([first, ...others]: readonly Model[]): Model {
  for (const other of others) assertAlike(first!, other);
  const all = [first!, ...others];
  return {
    ...first!,
    calibration: others.length ? undefined : first!.calibration,
    paths: all.flatMap(({ paths }) => paths),
    weights: all.flatMap(({ weights }) => weights),
    notes: all.flatMap(({ notes = [] }) => notes),
  };
}

/** Throws InputError unless the logits of two models mean the same. */
function assertAlike(one: Model, other: Model): void {
  const facts = ({ labelNames, regions, network, preprocessing, patch }: Model) => ({
    'other labels': labelNames,
    'other regions': regions,
    'another network': network,
    'another preprocessing': preprocessing,
    'another patch': patch,
  });
  const [mine, its] = [facts(one), facts(other)];
  for (const key of Object.keys(mine) as (keyof typeof mine)[]) {
    if (JSON.stringify(mine[key]) !== JSON.stringify(its[key]))
      throw new InputError(
        `${other.paths[0]}: has ${key} than ${one.paths[0]}; only models that are alike can be averaged`,
      );
  }
}
