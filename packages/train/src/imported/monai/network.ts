/** The networks of MONAI, from the arguments of their classes. Axes are those of the network's own input. */
import { InputError } from '@organseg/core/inputError.ts';
import { checkNetwork, type NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';
import { argumentsOf, type BundleConfig, type Component } from './bundleConfig.ts';

const count = z.int().positive();
/** One number stands for three of it. */
const triple = z.union([count.transform((n): Dhw => [n, n, n]), z.tuple([count, count, count])]);
/** A layer by its name, or by its name and arguments. */
const layer = z.union([z.string(), z.tuple([z.string()]), z.tuple([z.string(), z.looseObject({})])]);
type Layer = z.infer<typeof layer>;

/** The groups of SegResNet's norms, and the slope of DynUNet's LeakyReLU below 0. */
const GROUPS = 8;
const SLOPE = 0.01;

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
    default:
      throw new InputError(
        `${config.path}: the network ${component.target} is not known, only DynUNet and SegResNet are`,
      );
  }
}

/** Whether a layer is of this kind, and one of its arguments has one of these values. */
function isLayer(layer: Layer, kind: string, key?: string, values?: readonly unknown[]): boolean {
  const [name, given = {}] = typeof layer === 'string' ? [layer] : layer;
  return name.toLowerCase() === kind && (!key || !values || values.includes(given[key]));
}

/** The same network for an input whose axes are in the reverse order. */
export function reversedNetwork(network: NetworkConfig): NetworkConfig {
  if (network.architecture === 'SegResNet') return network;
  return { ...network, kernels: network.kernels.map(reversed), strides: network.strides.map(reversed) };
}

export const reversed = (axes: Dhw): Dhw => dhw((axis) => axes[2 - axis]!);
