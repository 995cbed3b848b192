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
 * The parameters of a run's network with the model's values. Those of its last layers are in the order of the data set's
 * labels, and random where that has other labels, or the model has no such layer. Throws InputError where the model has
 * another network, or its weights are broken.
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
  const order = model.network.classes === network.classes ? orderOf(labelNames, model) : undefined;
  const isReordered = order !== undefined && !isSorted(order);
  const last = lastLayers(network);
  const wanted = specs.map(({ name }) => name).filter((name) => order || !last.has(name));
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
  if (order && isReordered)
    for (const { name, shape } of specs)
      if (last.has(name) && found.has(name))
        parameters.set(name, reordered(found.get(name)!, shape, last.get(name)!, order));
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
      order && (isReordered ? 'reordered' : 'same'),
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

/**
 * The model's label of each label by its name; the background is 0 whatever it is called. Undefined where the names are
 * others, or in another order and the network's outputs are regions, not labels.
 */
function orderOf(
  labelNames: readonly string[],
  { labelNames: its, network }: InitialModel,
): number[] | undefined {
  const order = labelNames.map((name, label) => (label ? its.indexOf(name, 1) : 0));
  if (order.length !== its.length || order.includes(-1)) return undefined;
  return isSorted(order) || network.classes === order.length ? order : undefined;
}

const isSorted = (order: readonly number[]): boolean => order.every((label, i) => label === i);

/** The parameters whose shapes depend on the number of classes: by name, the axis of the classes. */
function lastLayers(network: NetworkConfig): Map<string, number> {
  const wider = networkLayout({ ...network, classes: network.classes + 1 }).specs;
  const layers = networkLayout(network).specs.map(({ name, shape }, i): [string, number] => [
    name,
    shape.findIndex((extent, axis) => extent !== wider[i]!.shape[axis]),
  ]);
  return new Map(layers.filter(([, axis]) => axis >= 0));
}

/** A tensor's values, the last axis fastest, with the entries along an axis in another order. */
function reordered(
  values: Float32Array,
  shape: readonly number[],
  axis: number,
  order: readonly number[],
): Float32Array<ArrayBuffer> {
  const run = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  const result = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += order.length * run)
    for (const [to, from] of order.entries())
      result.set(values.subarray(start + from * run, start + (from + 1) * run), start + to * run);
  return result;
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
  labels: 'same' | 'reordered' | undefined,
  hasNew: boolean,
): string[] {
  return [
    ...notes,
    ...(networks > 1 ? [`${path}: averages ${networks} networks; started from ${weights.path}`] : []),
    ...(labels ? [] : [`${path}: has other labels, so the last layer starts from random weights`]),
    ...(labels === 'reordered'
      ? [`${path}: has its labels in another order, so the last layer's outputs are put in the data set's`]
      : []),
    ...(labels && hasNew
      ? [`${path}: has no outputs at lower resolutions, whose layers start from random weights`]
      : []),
    ...(preprocessing.by === 'nnU-Net' && !preprocessing.reorient
      ? [`${path}: has learnt from scans as their files lie; here they are turned to RAS+`]
      : []),
  ];
}
