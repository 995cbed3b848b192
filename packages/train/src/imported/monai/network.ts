/** The networks of MONAI, from the arguments of their classes. Axes are those of the network's own input. */
import { InputError } from '@organseg/core/inputError.ts';
import {
  type Activation,
  checkNetwork,
  type NetworkConfig,
  type UnetConfig,
} from '@organseg/core/network/networkConfig.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';
import { argumentsOf, type BundleConfig, type Component } from './bundleConfig.ts';

const count = z.int().positive();
/** One number stands for three of it. */
const triple = z.union(
  [count.transform((n): Dhw => [n, n, n]), z.tuple([count, count, count])],
  'expects a positive integer, or three',
);
/** A layer by its name, or by its name and arguments. */
const layer = z.union(
  [z.string(), z.tuple([z.string()]), z.tuple([z.string(), z.looseObject({})])],
  'expects the name of a layer, or that and its arguments',
);
type Layer = z.infer<typeof layer>;

/** The groups of SegResNet's norms, the slope of LeakyReLU below 0, and what norms add to variances. */
const GROUPS = 8;
const SLOPE = 0.01;
const EPSILON = 1e-5;

const DYN_UNET = {
  spatial_dims: z.literal(3),
  in_channels: count,
  out_channels: count,
  kernel_size: z.array(triple),
  strides: z.array(triple),
  upsample_kernel_size: z.array(triple),
  filters: z.array(count).nullable().optional(),
  norm_name: layer.default(['INSTANCE', { affine: true }]),
  act_name: layer.default('leakyrelu'),
  res_block: z.boolean().default(false),
  trans_bias: z.boolean().default(false),
};

const SEG_RES_NET = {
  spatial_dims: z.literal(3).default(3),
  in_channels: count.default(1),
  out_channels: count.default(2),
  init_filters: count.default(8),
  blocks_down: z.array(count).default([1, 2, 2, 4]),
  blocks_up: z.array(count).default([1, 1, 1]),
  norm: layer.default(['GROUP', { num_groups: GROUPS }]),
  act: layer.default('RELU'),
  use_conv_final: z.literal(true).default(true),
  upsample_mode: z.string().default('nontrainable'),
};

const UNET = {
  spatial_dims: z.literal(3),
  in_channels: count,
  out_channels: count,
  channels: z.array(count),
  strides: z.array(triple),
  kernel_size: triple.default([3, 3, 3]),
  up_kernel_size: triple.default([3, 3, 3]),
  num_res_units: z.int().min(0).default(0),
  act: layer.default('PRELU'),
  norm: layer.default('INSTANCE'),
  bias: z.boolean().default(true),
  adn_ordering: z.string().default('NDA'),
};

/** Throws InputError that names what is not known. */
export function networkOf(config: BundleConfig, component: Component): NetworkConfig {
  const where = `${config.path}: ${component.target}`;
  const network = ofClass(config, component, where);
  try {
    checkNetwork(network);
  } catch (error) {
    throw new InputError(`${where}: ${(error as Error).message}`);
  }
  return network;
}

function ofClass(config: BundleConfig, component: Component, where: string): NetworkConfig {
  const refuse = (key: string, value: unknown, known: string) =>
    new InputError(`${where}: ${key} expects ${known}, got ${JSON.stringify(value)}`);
  switch (component.target) {
    case 'DynUNet': {
      const given = argumentsOf(config, component, DYN_UNET);
      const { kernel_size: kernels, strides, norm_name, act_name } = given;
      if (given.upsample_kernel_size.join('|') !== strides.slice(1).join('|'))
        throw refuse('upsample_kernel_size', given.upsample_kernel_size, 'the strides from the second on');
      if (!isLayer(norm_name, 'instance', 'affine', [true]))
        throw refuse('norm_name', norm_name, '["INSTANCE", {"affine": true}]');
      if (!isLayer(act_name, 'leakyrelu', 'negative_slope', [SLOPE, undefined]))
        throw refuse('act_name', act_name, `leakyrelu with a slope of ${SLOPE}`);
      return {
        architecture: 'DynUNet',
        inputChannels: given.in_channels,
        classes: given.out_channels,
        filters: given.filters ?? strides.map((_, stage) => Math.min(2 ** (5 + stage), 320)),
        kernels,
        strides,
        residual: given.res_block,
        transposedBias: given.trans_bias,
      };
    }
    case 'SegResNet': {
      const given = argumentsOf(config, component, SEG_RES_NET);
      const { norm, act, upsample_mode } = given;
      if (!isLayer(norm, 'group', 'num_groups', [GROUPS]))
        throw refuse('norm', norm, `["GROUP", {"num_groups": ${GROUPS}}]`);
      if (!isLayer(act, 'relu')) throw refuse('act', act, 'RELU');
      if (upsample_mode !== 'nontrainable') throw refuse('upsample_mode', upsample_mode, 'nontrainable');
      return {
        architecture: 'SegResNet',
        inputChannels: given.in_channels,
        classes: given.out_channels,
        initFilters: given.init_filters,
        blocksDown: given.blocks_down,
        blocksUp: given.blocks_up,
      };
    }
    case 'UNet':
    case 'Unet':
      return unetOf(argumentsOf(config, component, UNET), refuse);
    default:
      throw new InputError(
        `${config.path}: the network ${component.target} is not known, only DynUNet, SegResNet and UNet are`,
      );
  }
}

/** The network that MONAI's UNet is, whose dropout changes nothing here. `refuse` makes the error of an argument that is not known. */
function unetOf(
  given: z.infer<z.ZodObject<typeof UNET>>,
  refuse: (key: string, value: unknown, known: string) => InputError,
): UnetConfig {
  const { channels, strides, act, norm, adn_ordering } = given;
  const [norms, normArguments] = layerOf(norm);
  const isAffine = normArguments.affine ?? norms === 'batch';
  const unknown = Object.entries(normArguments).some(
    ([key, value]) =>
      !(key === 'affine' && typeof value === 'boolean') && !(key === 'eps' && value === EPSILON),
  );
  if (unknown || !['batch', 'instance'].includes(norms) || (norms === 'batch' && !isAffine))
    throw refuse('norm', norm, '"BATCH", "INSTANCE" or ["INSTANCE", {"affine": true}]');
  if (adn_ordering.toUpperCase().replace('D', '') !== 'NA')
    throw refuse('adn_ordering', adn_ordering, 'the norm before the activation, "NDA"');
  // Strides beyond the stages are not used.
  if (strides.length < channels.length - 1)
    throw refuse('strides', strides, 'one for each of the channels but the last');
  return {
    architecture: 'UNet',
    inputChannels: given.in_channels,
    classes: given.out_channels,
    filters: channels,
    strides: [...strides.slice(0, channels.length - 1), [1, 1, 1]],
    kernel: given.kernel_size,
    upKernel: given.up_kernel_size,
    residualUnits: given.num_res_units,
    norm: norms === 'batch' ? 'batch' : isAffine ? 'affineInstance' : 'instance',
    activation: activationOf(act, refuse),
    bias: given.bias,
  };
}

function activationOf(
  act: Layer,
  refuse: (key: string, value: unknown, known: string) => InputError,
): Activation {
  const [kind, { num_parameters: slopes = 1, negative_slope: slope = SLOPE }] = layerOf(act);
  if (kind === 'prelu' && count.safeParse(slopes).success) return { kind: 'PReLU', slopes: slopes as number };
  if (kind === 'relu') return { kind: 'LeakyReLU', slope: 0 };
  if (kind === 'leakyrelu' && typeof slope === 'number') return { kind: 'LeakyReLU', slope };
  throw refuse('act', act, 'PRELU, RELU or LEAKYRELU');
}

/** A layer's kind in small letters, and its arguments. */
function layerOf(layer: Layer): [string, Record<string, unknown>] {
  const [name, given = {}] = typeof layer === 'string' ? [layer] : layer;
  return [name.toLowerCase(), given];
}

/** Whether a layer is of this kind, and one of its arguments has one of these values. */
function isLayer(layer: Layer, kind: string, key?: string, values?: readonly unknown[]): boolean {
  const [name, given] = layerOf(layer);
  return name === kind && (!key || !values || values.includes(given[key]));
}

/** The same network for an input whose axes are in the reverse order. */
export function reversedNetwork(network: NetworkConfig): NetworkConfig {
  if (network.architecture === 'SegResNet') return network;
  if (network.architecture === 'UNet') {
    const { kernel, upKernel, strides } = network;
    return {
      ...network,
      kernel: reversed(kernel),
      upKernel: reversed(upKernel),
      strides: strides.map(reversed),
    };
  }
  return { ...network, kernels: network.kernels.map(reversed), strides: network.strides.map(reversed) };
}

export const reversed = (axes: Dhw): Dhw => dhw((axis) => axes[2 - axis]!);
