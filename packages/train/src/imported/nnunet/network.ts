/** The network that a configuration of nnU-Net's plans describes. */
import { InputError } from '@organseg/core/inputError.ts';
import { checkNetwork, type NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { check } from '@organseg/files/parseJson.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { z } from 'zod';
import {
  type NetworkArguments,
  networkArguments,
  type newConfiguration,
  type oldConfiguration,
} from './schema.ts';

export type NewConfiguration = z.infer<typeof newConfiguration>;
export type OldConfiguration = z.infer<typeof oldConfiguration>;

/** Where nnU-Net's own networks stand. */
const LIBRARY = 'dynamic_network_architectures.architectures.';

/** Throws InputError, after `where`, that names what is not known. */
export function networkOf(
  configuration: Pick<NewConfiguration, 'architecture'> | OldConfiguration,
  channels: { readonly inputChannels: number; readonly classes: number },
  where: string,
): NetworkConfig {
  const { name, settings } = classOf(configuration, where);
  refuseUnknown(settings, where);
  const stages = settings.n_stages;
  const perStage = <T>(value: number | readonly T[] | undefined, key: string, length = stages): T[] => {
    const list = typeof value === 'number' ? Array.from({ length }, () => value as T) : value;
    if (list?.length !== length)
      throw new InputError(`${where}: ${key} expects ${length} entries, one a stage`);
    return [...list];
  };
  const perAxis = (value: NetworkArguments['strides'], key: string): Dhw[] =>
    perStage<number | number[]>(value, key).map((axes) => {
      const list = typeof axes === 'number' ? [axes, axes, axes] : axes;
      if (list.length !== 3) throw new InputError(`${where}: ${key} expects 3 axes, got ${list.length}`);
      return list as unknown as Dhw;
    });
  const common = {
    ...channels,
    filters: perStage<number>(settings.features_per_stage, 'features_per_stage'),
    kernels: perAxis(settings.kernel_sizes, 'kernel_sizes'),
    strides: perAxis(settings.strides, 'strides'),
    transposedBias: settings.conv_bias,
    decoderConvolutions: perStage<number>(
      settings.n_conv_per_stage_decoder,
      'n_conv_per_stage_decoder',
      stages - 1,
    ),
  };
  const network: NetworkConfig =
    name === 'PlainConvUNet'
      ? {
          ...common,
          architecture: 'PlainConvUNet',
          convolutions: perStage<number>(settings.n_conv_per_stage, 'n_conv_per_stage'),
        }
      : {
          ...common,
          architecture: 'ResidualEncoderUNet',
          blocks: perStage<number>(settings.n_blocks_per_stage, 'n_blocks_per_stage'),
          stemChannels: settings.stem_channels ?? common.filters[0]!,
        };
  try {
    checkNetwork(network);
  } catch (error) {
    throw new InputError(`${where}: ${(error as Error).message}`);
  }
  return network;
}

/** The name of the network's class, and its arguments in today's form. */
function classOf(
  configuration: Pick<NewConfiguration, 'architecture'> | OldConfiguration,
  where: string,
): { name: string; settings: NetworkArguments } {
  if ('architecture' in configuration) {
    const { network_class_name: path, arch_kwargs } =
      configuration.architecture as NewConfiguration['architecture'];
    const name = path.startsWith(LIBRARY) ? path.split('.').at(-1)! : path;
    assertKnown(name, where);
    return { name, settings: check(arch_kwargs, networkArguments, `${where}: architecture.arch_kwargs`) };
  }
  const old = configuration as OldConfiguration;
  const name = old.UNet_class_name;
  assertKnown(name, where);
  const stages = old.n_conv_per_stage_encoder.length;
  return {
    name,
    settings: {
      n_stages: stages,
      features_per_stage: Array.from({ length: stages }, (_, i) =>
        Math.min(old.UNet_base_num_features * 2 ** i, old.unet_max_num_features),
      ),
      conv_op: 'torch.nn.modules.conv.Conv3d',
      kernel_sizes: old.conv_kernel_sizes,
      strides: old.pool_op_kernel_sizes,
      n_conv_per_stage: old.n_conv_per_stage_encoder,
      n_blocks_per_stage: old.n_conv_per_stage_encoder,
      n_conv_per_stage_decoder: old.n_conv_per_stage_decoder,
      conv_bias: true,
      norm_op: 'torch.nn.modules.instancenorm.InstanceNorm3d',
      norm_op_kwargs: { eps: EPSILON, affine: true },
      dropout_op: null,
      nonlin: 'torch.nn.LeakyReLU',
    },
  };
}

function assertKnown(name: string, where: string): void {
  if (name !== 'PlainConvUNet' && name !== 'ResidualEncoderUNet')
    throw new InputError(
      `${where}: the network ${name} is not known, only PlainConvUNet and ResidualEncoderUNet are`,
    );
}

/** PyTorch's default of instance norms. */
const EPSILON = 1e-5;

/** The slope of LeakyReLU below 0: PyTorch's default. */
const SLOPE = 0.01;

/** Further arguments, and the values with which they change nothing. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  nonlin_first: [false],
  bottleneck_channels: [null],
  block: ['dynamic_network_architectures.building_blocks.residual.BasicBlockD'],
};

/** Throws InputError where the arguments ask for anything but instance norms and LeakyReLU. */
function refuseUnknown(settings: NetworkArguments, where: string): void {
  const expect = (key: string, value: unknown, isKnown: boolean, known: string) => {
    if (!isKnown) throw new InputError(`${where}: ${key} expects ${known}, got ${JSON.stringify(value)}`);
  };
  const last = (path: string | null) => path?.split('.').at(-1);
  expect('conv_op', settings.conv_op, last(settings.conv_op) === 'Conv3d', 'Conv3d');
  expect('norm_op', settings.norm_op, last(settings.norm_op) === 'InstanceNorm3d', 'InstanceNorm3d');
  const { eps = EPSILON, affine = false } = settings.norm_op_kwargs ?? {};
  expect(
    'norm_op_kwargs',
    settings.norm_op_kwargs,
    eps === EPSILON && affine === true,
    `affine, eps ${EPSILON}`,
  );
  expect('nonlin', settings.nonlin, last(settings.nonlin) === 'LeakyReLU', 'LeakyReLU');
  const { negative_slope = SLOPE } = settings.nonlin_kwargs ?? {};
  expect('nonlin_kwargs', settings.nonlin_kwargs, negative_slope === SLOPE, `a slope of ${SLOPE}`);
  expect('dropout_op', settings.dropout_op, settings.dropout_op === null, 'null');
  for (const [key, value] of Object.entries(settings)) {
    const isKnown = key in networkArguments.shape || NEUTRAL[key]?.includes(value);
    expect(key, value, isKnown ?? false, 'what nnU-Net has by default');
  }
}
