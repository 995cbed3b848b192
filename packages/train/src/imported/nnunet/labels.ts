/** What a network of nnU-Net's puts out, by the labels of its dataset.json. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Region } from '@organseg/core/regions.ts';
import type { NnunetDataset } from './schema.ts';

export interface NnunetLabels {
  /** Output channels of the network. */
  readonly outputs: number;
  /** By label, background first. */
  readonly names: readonly string[];
  /** What each output channel is where channels are regions that may overlap, later over earlier. */
  readonly regions?: readonly Region[];
}

/** Throws InputError, after `path`, where labels contradict each other. */
export function labelsOf({ labels, regions_class_order: order }: NnunetDataset, path: string): NnunetLabels {
  if (labels.background !== 0) throw new InputError(`${path}: labels.background expects 0`);
  // What `ignore` marks is not learnt, and no output.
  const { ignore, ...learnt } = labels;
  if (Array.isArray(ignore)) throw new InputError(`${path}: labels.ignore expects one label`);
  const isOfRegions = Object.values(labels).some((of) => Array.isArray(of) && of.length > 1);
  return isOfRegions ? regionsOf(learnt, order ?? [], path) : plainLabels(learnt, path);
}

type Labels = NnunetDataset['labels'];

function plainLabels(labels: Labels, path: string): NnunetLabels {
  const byLabel = Object.entries(labels)
    .map(([name, of]) => ({ name, label: [of].flat()[0]! }))
    .sort((a, b) => a.label - b.label);
  const gap = byLabel.findIndex(({ label }, i) => label !== i);
  if (gap >= 0)
    throw new InputError(`${path}: labels expects 0, 1, 2 and on, once each; ${gap} is missing or twice`);
  return { outputs: byLabel.length, names: byLabel.map(({ name }) => name) };
}

/** Regions are outputs in the order in which dataset.json has them. */
function regionsOf(labels: Labels, order: readonly number[], path: string): NnunetLabels {
  const held = Object.keys(labels).filter((name) => [labels[name]!].flat().some((label) => label !== 0));
  if (order.length !== held.length)
    throw new InputError(
      `${path}: regions_class_order expects ${held.length} labels, one a region; got ${order.length}`,
    );
  const moved = held.find((name) => /^\d+$/.test(name));
  if (moved !== undefined)
    throw new InputError(`${path}: the region named ${moved} has a number for a name, which loses its place`);
  const names = ['background', ...Array.from({ length: Math.max(...order) }, (_, i) => `label ${i + 1}`)];
  for (const [i, label] of order.entries()) names[label] = held[i]!;
  const regions = held.map((name, i) => ({ labels: [labels[name]!].flat(), label: order[i]! }));
  return { outputs: order.length, names, regions };
}
