/**
 * PyTorch's state dicts of these networks: which tensors nnU-Net's and MONAI's modules list, and which parameters they
 * hold. Modules list the same tensor under several keys, and tensors that change nothing here.
 */
import { InputError } from '../inputError.ts';
import { networkLayout } from './network.ts';
import type { DynUnetConfig, NetworkConfig, UnetConfig } from './networkConfig.ts';
import type { ParameterSpec } from './parameters.ts';
import { tensorOf } from './safetensors.ts';

/** One tensor of a library's state dict. */
export interface StateDictEntry {
  readonly key: string;
  readonly shape: readonly number[];
  /** The parameter that it holds; undefined where it changes nothing here, and may be zeros. */
  readonly parameter?: string;
  /** Whether the parameter is none of this form's, but of a form of it with deep supervision. */
  readonly isCoarse?: boolean;
}

/** Every tensor of the state dict that a library's module of this form has. */
export function stateDictEntries(config: NetworkConfig): StateDictEntry[] {
  const { specs } = networkLayout(config);
  const entries: StateDictEntry[] = specs.map(({ name, shape }) => ({ key: name, shape, parameter: name }));
  switch (config.architecture) {
    case 'DynUNet':
      return entries.flatMap((entry) => [entry, ...skipLayerAlias(entry, config)]);
    case 'PlainConvUNet':
    case 'ResidualEncoderUNet': {
      const biases = config.transposedBias ? specs.flatMap(biasBeforeNorm) : [];
      return [...entries, ...biases, ...coarseHeads(config, specs)].flatMap(moduleAliases);
    }
    case 'UNet':
      return unetEntries(entries, config);
    default:
      return entries;
  }
}

/** MONAI's UNet counts the batches of its batch norms, and has biases before instance norms, which take them out again. */
function unetEntries(entries: StateDictEntry[], { norm, bias }: UnetConfig): StateDictEntry[] {
  return entries
    .flatMap((entry): StateDictEntry[] => {
      const { key, shape } = entry;
      if (key.endsWith('.running_var'))
        return [entry, { key: key.replace('running_var', 'num_batches_tracked'), shape: [] }];
      if (norm === 'batch' || !key.endsWith('.adn.N.weight')) return [entry];
      const before = { key: key.replace('.adn.N.weight', '.conv.bias'), shape };
      return [...(norm === 'affineInstance' ? [entry] : []), ...(bias ? [before] : [])];
    })
    .filter(({ key }) => norm !== 'instance' || !key.endsWith('.adn.N.bias'));
}

/**
 * The key of each parameter among a file's tensors, and of those of heads at lower resolutions as far as the file has
 * them. Keys may all begin with `module.`, as those of a network do that several GPUs trained. Throws InputError that
 * names the tensor that is missing, of another shape or unknown.
 */
export function parametersFrom(
  config: NetworkConfig,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  path: string,
): Map<string, string> {
  const prefix = [...tensors.keys()].every((key) => key.startsWith('module.')) ? 'module.' : '';
  const entries = new Map(stateDictEntries(config).map((entry) => [`${prefix}${entry.key}`, entry]));
  const keys = new Map<string, string>();
  for (const [key, { shape, parameter, isCoarse }] of entries) {
    const isWanted = parameter !== undefined && !keys.has(parameter);
    if ((!isWanted || isCoarse) && !tensors.has(key)) continue;
    tensorOf(tensors, key, shape, path);
    if (isWanted) keys.set(parameter, key);
  }
  const unknown = [...tensors.keys()].find((key) => !entries.has(key) && !isIgnored(key, prefix, config));
  if (unknown) throw new InputError(`${path}: tensor ${unknown} is none of this ${config.architecture}'s`);
  return keys;
}

/** Whether a key is of a head at a lower resolution that this network does without. */
const isIgnored = (key: string, prefix: string, { architecture }: NetworkConfig): boolean =>
  architecture === 'DynUNet' && /^deep_supervision_heads\.|\.super_head\./.test(key.slice(prefix.length));

/** The bias of a convolution before an instance norm, which takes it out again; a projection has none. */
function biasBeforeNorm({ name, shape }: ParameterSpec): StateDictEntry[] {
  if (!name.endsWith('.conv.weight') || name.includes('.skip.')) return [];
  return [{ key: name.replace(/weight$/, 'bias'), shape: [shape[0]!] }];
}

/** nnU-Net's decoder has a head at every resolution, whether it is trained by them or not. */
function coarseHeads(
  { filters, classes }: { readonly filters: readonly number[]; readonly classes: number },
  specs: readonly ParameterSpec[],
): StateDictEntry[] {
  const names = new Set(specs.map(({ name }) => name));
  return filters
    .slice(0, -1)
    .toReversed()
    .flatMap((channels, number) => [
      { key: `decoder.seg_layers.${number}.weight`, shape: [classes, channels, 1, 1, 1] },
      { key: `decoder.seg_layers.${number}.bias`, shape: [classes] },
    ])
    .filter(({ key }) => !names.has(key))
    .map((entry) => ({ ...entry, parameter: entry.key, isCoarse: true }));
}

/** nnU-Net's modules list a convolution and its norm once more in a sequence, and the encoder once more in the decoder. */
function moduleAliases(entry: StateDictEntry): StateDictEntry[] {
  const { key } = entry;
  const inSequence = key
    .replace(/\.conv\.(\w+)$/, '.all_modules.0.$1')
    .replace(/\.norm\.(\w+)$/, '.all_modules.1.$1');
  const keys = inSequence === key ? [key] : [key, inSequence];
  const inDecoder = key.startsWith('encoder.') ? keys.map((k) => `decoder.${k}`) : [];
  return [...keys, ...inDecoder].map((k) => ({ ...entry, key: k }));
}

/** MONAI's DynUNet lists its blocks once more as layers, each inside the one above. */
function skipLayerAlias(entry: StateDictEntry, { filters }: DynUnetConfig): StateDictEntry[] {
  const bottom = filters.length - 1;
  const layer = (stage: number) => `skip_layers${'.next_layer'.repeat(stage)}`;
  const [, block, , number, rest] = /^([a-z_]+)(\.(\d+))?(\..*)$/.exec(entry.key)!;
  const stage = Number(number);
  const places: Record<string, string> = {
    input_block: `${layer(0)}.downsample`,
    downsamples: `${layer(stage + 1)}.downsample`,
    bottleneck: layer(bottom),
    upsamples: `${layer(bottom - 1 - stage)}.upsample`,
    deep_supervision_heads: `${layer(stage + 1)}.super_head`,
  };
  const place = places[block!];
  return place === undefined ? [] : [{ ...entry, key: `${place}${rest}` }];
}
