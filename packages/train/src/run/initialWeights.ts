/** The weights that a fine-tuning starts from: those of another run, or of a model that was trained elsewhere. */
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { initialise, type NamedArrays, ParameterLayout } from '@organseg/core/network/parameters.ts';
import type { Random } from '@organseg/core/random.ts';
import { networkConfig } from '../config/networkSettings.ts';
import type { Config } from '../config/schema.ts';
import type { Model, ModelWeights } from '../predict/model.ts';

/** A model whose first network is gone on from, where it averages several. */
export interface InitialModel extends Pick<Model, 'network' | 'labelNames' | 'preprocessing' | 'notes'> {
  readonly path: string;
  readonly weights: ModelWeights;
  /** The number of networks that it averages. */
  readonly networks: number;
}

export const initialOf = (model: Model, path: string): InitialModel => ({
  ...model,
  path,
  weights: model.weights[0]!,
  networks: model.weights.length,
});

export interface InitialWeights {
  readonly parameters: NamedArrays;
  /** What of them the user should know. */
  readonly notes: readonly string[];
}

/**
 * The parameters of a run's network with the model's values. Those of its last layers are random where the data set has
 * other labels, or the model has no such layer. Throws InputError where the model has another network, or its weights are
 * broken.
 */
export async function initialWeights(
  model: InitialModel,
  config: Config,
  labelNames: readonly string[],
  random: Random,
): Promise<InitialWeights> {
  const network = networkConfig(config);
  assertSameNetwork(model, network);
  const { specs } = networkLayout(network);
  const own = networkLayout(model.network).specs;
  const hasSameLabels =
    model.labelNames.slice(1).join() === labelNames.slice(1).join() &&
    model.network.classes === network.classes;
  const last = lastLayers(network);
  const wanted = specs.map(({ name }) => name).filter((name) => hasSameLabels || !last.has(name));
  const found = new Map<string, Float32Array>();
  const open = await model.weights.open(own);
  try {
    for (const name of wanted) {
      const values = open.get(name);
      // A layer of zeros has learnt nothing: so are written the outputs at lower resolutions that a run has not got.
      if (values?.some((value) => value !== 0) || own.some((spec) => spec.name === name))
        found.set(name, values!);
    }
  } finally {
    open.close();
  }
  const isNew = (name: string) => !found.has(name);
  const parameters = initialise(new ParameterLayout(specs.filter(({ name }) => isNew(name))), random);
  for (const [name, values] of found) parameters.set(name, values);
  // The first parameter is the kernel of the convolution that reads the image.
  const first = specs[0]!.name;
  const scale = intensityScale(model, config);
  if (scale !== 1)
    parameters.set(
      first,
      parameters.get(first)!.map((weight) => scale * weight),
    );
  return {
    parameters,
    notes: notesOn(
      model,
      hasSameLabels,
      specs.some(({ name }) => isNew(name)),
    ),
  };
}

/**
 * The network's unit of intensity in those of nnU-Net's, whose networks see CT as (HU − mean)/std where a run's see HU as
 * 0…1. An instance norm follows their first convolution and takes the offset out again, but for what a patch's border adds.
 */
function intensityScale(
  { path, network, preprocessing }: InitialModel,
  { channels, intensityLowHu, intensityHighHu }: Config,
): number {
  if (preprocessing.by === 'organseg' || channels) return 1;
  if (network.architecture !== 'PlainConvUNet' && network.architecture !== 'ResidualEncoderUNet')
    throw new InputError(
      `${path}: its ${network.architecture} is bound to its own unit of intensity; leave channels as the model has them`,
    );
  const [normalisation] = preprocessing.channels;
  if (normalisation?.scheme !== 'CTNormalization')
    throw new InputError(`starting from ${normalisation?.scheme} expects channels that are normalised alike`);
  return (intensityHighHu - intensityLowHu) / Math.max(normalisation.std, 1e-8);
}

/** The names of the parameters whose shapes depend on the number of classes. */
function lastLayers(network: NetworkConfig): Set<string> {
  const wider = networkLayout({ ...network, classes: network.classes + 1 }).specs;
  const layers = networkLayout(network).specs.filter(
    ({ shape }, i) => shape.join() !== wider[i]!.shape.join(),
  );
  return new Set(layers.map(({ name }) => name));
}

/** Throws InputError where the networks differ in more than their last layers. */
function assertSameNetwork({ path, network }: InitialModel, now: NetworkConfig): void {
  const [was, is]: Record<string, unknown>[] = [{ ...network }, { ...now }];
  for (const key of Object.keys(is!)) {
    if (key === 'classes' || key === 'deepSupervision') continue;
    const [before, after] = [was![key], is![key]].map((value) => JSON.stringify(value));
    if (before !== after)
      throw new InputError(
        `${path}: its ${key} ${key.endsWith('s') ? 'are' : 'is'} ${before}, this run's ${after}`,
      );
  }
}

function notesOn(
  { path, weights, networks, preprocessing, notes = [] }: InitialModel,
  hasSameLabels: boolean,
  hasNew: boolean,
): string[] {
  return [
    ...notes,
    ...(networks > 1 ? [`${path}: averages ${networks} networks; started from ${weights.path}`] : []),
    ...(hasSameLabels ? [] : [`${path}: has other labels, so the last layer starts from random weights`]),
    ...(hasSameLabels && hasNew
      ? [`${path}: has no outputs at lower resolutions, whose layers start from random weights`]
      : []),
    ...(preprocessing.by === 'nnU-Net' && !preprocessing.reorient
      ? [`${path}: has learnt from scans as their files lie; here they are turned to RAS+`]
      : []),
  ];
}
