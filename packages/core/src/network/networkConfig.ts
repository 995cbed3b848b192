/**
 * What a network is made of: one of the architectures of nnU-Net and MONAI, by the name that they have there. Stages
 * are numbered from the full resolution (stage 0) to the lowest one.
 */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';

/** What every network says. */
interface Outputs {
  readonly inputChannels: number;
  /** Output channels. */
  readonly classes: number;
  /** Has further outputs at lower resolutions, which training learns by. */
  readonly deepSupervision?: boolean;
}

/** The stages of a U-Net's encoder; at least two. */
interface Stages {
  /** Channels of each stage. */
  readonly filters: readonly number[];
  /** Kernels and strides of each stage, D, H, W; the first stage keeps the resolution. */
  readonly kernels: readonly Dhw[];
  readonly strides: readonly Dhw[];
  /** Whether the transposed convolutions have a bias. */
  readonly transposedBias: boolean;
}

/** MONAI's DynUNet. */
export interface DynUnetConfig extends Outputs, Stages {
  readonly architecture: 'DynUNet';
  /** Whether the encoder's blocks add their input to their output. */
  readonly residual: boolean;
  /** The number of further outputs with deep supervision; undefined: one for each stage but the two lowest. */
  readonly deepSupervisionHeads?: number;
}

/** nnU-Net's PlainConvUNet. */
export interface PlainConvUnetConfig extends Outputs, Stages {
  readonly architecture: 'PlainConvUNet';
  /** Convolutions of each stage of the encoder. */
  readonly convolutions: readonly number[];
  /** Convolutions of each stage of the decoder, the lowest resolution first; one entry fewer than stages. */
  readonly decoderConvolutions: readonly number[];
}

/** nnU-Net's ResidualEncoderUNet. */
export interface ResidualEncoderUnetConfig extends Outputs, Stages {
  readonly architecture: 'ResidualEncoderUNet';
  /** Residual blocks of each stage of the encoder. */
  readonly blocks: readonly number[];
  /** Convolutions of each stage of the decoder, the lowest resolution first; one entry fewer than stages. */
  readonly decoderConvolutions: readonly number[];
  /** Channels of the convolution before the first stage. */
  readonly stemChannels: number;
}

/** The groups of channels that a SegResNet's norms take together. */
export const GROUPS = 8;

/** MONAI's SegResNet, whose stages double the channels and halve the resolution. It has no deep supervision. */
export interface SegResNetConfig extends Outputs {
  readonly architecture: 'SegResNet';
  /** Channels of the first stage, a multiple of the groups of its norms. */
  readonly initFilters: number;
  /** Residual blocks of each stage of the encoder. */
  readonly blocksDown: readonly number[];
  /** Residual blocks of each stage of the decoder, the lowest resolution first; one entry fewer than blocksDown. */
  readonly blocksUp: readonly number[];
}

/** What follows the norms of a UNet. */
export type Activation =
  | {
      readonly kind: 'LeakyReLU';
      /** The slope below 0, less than 1; 0 of a ReLU. */
      readonly slope: number;
    }
  | {
      readonly kind: 'PReLU';
      /** The number of slopes that are learnt: one for all channels, or as many as there are. */
      readonly slopes: number;
    };

/** The norms of a UNet: of instances with or without a scale and an offset, or of batches with both. */
export const UNET_NORMS = ['instance', 'affineInstance', 'batch'] as const;

/**
 * MONAI's UNet. Every stage but the lowest halves the resolution, or what its stride says, and the way up ends with the
 * logits themselves. It has no deep supervision.
 */
export interface UnetConfig extends Outputs {
  readonly architecture: 'UNet';
  /** Channels of each stage; at least two. */
  readonly filters: readonly number[];
  /** Strides into each stage, the first one's from the image, D, H, W; the lowest stage's is 1. */
  readonly strides: readonly Dhw[];
  /** The kernel of the convolutions, and that of the transposed ones, D, H, W. */
  readonly kernel: Dhw;
  readonly upKernel: Dhw;
  /** Convolutions of each of the encoder's residual units; 0: single convolutions instead, on both ways. */
  readonly residualUnits: number;
  readonly norm: (typeof UNET_NORMS)[number];
  readonly activation: Activation;
  /** Whether convolutions have a bias. */
  readonly bias: boolean;
}

/** The form of a network. */
export type NetworkConfig =
  | DynUnetConfig
  | PlainConvUnetConfig
  | ResidualEncoderUnetConfig
  | SegResNetConfig
  | UnetConfig;

/** The number of a U-Net's outputs at lower resolutions, see `deepSupervision`. */
export function coarseOutputs(config: Exclude<NetworkConfig, SegResNetConfig | UnetConfig>): number {
  if (!config.deepSupervision) return 0;
  const heads = config.architecture === 'DynUNet' ? config.deepSupervisionHeads : undefined;
  return heads ?? Math.max(0, config.filters.length - 3);
}

/** The channels of the full resolution's features, which the logits are made of; a UNet has no others than the classes. */
export function headChannels(config: NetworkConfig): number {
  switch (config.architecture) {
    case 'SegResNet':
      return config.initFilters;
    case 'UNet':
      return config.classes;
    default:
      return config.filters[0]!;
  }
}

/** The strides of each stage, D, H, W. */
const stridesOf = (config: NetworkConfig): readonly Dhw[] =>
  config.architecture === 'SegResNet'
    ? config.blocksDown.map((_, stage) => (stage === 0 ? [1, 1, 1] : [2, 2, 2]))
    : config.strides;

/** The sizes whose multiples a patch must have, D, H, W. */
export const patchDivisor = (config: NetworkConfig): Dhw =>
  dhw((axis) => stridesOf(config).reduce((product, stride) => product * stride[axis]!, 1));

/** Throws where a network's form contradicts itself, or has what is not computed here; the message names it. */
export function checkNetwork(config: NetworkConfig): void {
  const fail = (fault: string) => new Error(`network: ${fault}`);
  const counts: Counts = (name, list, length) => {
    if (list.length !== length) throw fail(`${name} expects ${length} entries, got ${list.length}`);
    if (!list.every((n) => Number.isSafeInteger(n) && n > 0))
      throw fail(`${name} expects positive integers, got [${list}]`);
  };
  counts('inputChannels and classes', [config.inputChannels, config.classes], 2);
  if (config.architecture === 'SegResNet') {
    const { initFilters, blocksDown, blocksUp, deepSupervision } = config;
    counts('initFilters', [initFilters], 1);
    if (initFilters % GROUPS) throw fail(`initFilters expects a multiple of ${GROUPS}, got ${initFilters}`);
    counts('blocksDown', blocksDown, Math.max(2, blocksDown.length));
    counts('blocksUp', blocksUp, blocksDown.length - 1);
    if (deepSupervision) throw fail('SegResNet has no deep supervision');
    return;
  }
  if (config.architecture === 'UNet') {
    checkUnet(config, fail, counts);
    return;
  }
  const { filters, kernels, strides } = config;
  const stages = filters.length;
  if (stages < 2 || kernels.length !== stages || strides.length !== stages) {
    throw fail(
      `filters, kernels and strides expect one entry a stage, at least 2; got ${stages}, ${kernels.length}, ${strides.length}`,
    );
  }
  counts('filters', filters, stages);
  for (const stride of strides) counts('strides of a stage', stride, 3);
  if (strides[0]!.some((s) => s !== 1)) throw fail(`the first stride expects [1,1,1], got [${strides[0]}]`);
  const unknown = kernels.find((kernel) => kernel.length !== 3 || kernel.some((k) => k !== 1 && k !== 3));
  if (unknown) throw fail(`kernels of 1 and 3 are known, got [${unknown}]`);
  switch (config.architecture) {
    case 'DynUNet': {
      // MONAI pads by (kernel − stride + 1)/2, and its shortcut has a kernel of 1.
      const uncovered = strides.find((stride, stage) =>
        stride.some((s, axis) => s > (config.residual ? 1 : kernels[stage]![axis]!) + 1),
      );
      if (uncovered)
        throw fail(
          `DynUNet's strides are at most its kernel + 1 (2 with residual blocks), got [${uncovered}]`,
        );
      const { deepSupervisionHeads: heads } = config;
      if (heads !== undefined && !(heads >= 1 && heads <= stages - 2))
        throw fail(`deepSupervisionHeads expects 1 to ${stages - 2}, got ${heads}`);
      break;
    }
    case 'PlainConvUNet':
      counts('convolutions', config.convolutions, stages);
      counts('decoderConvolutions', config.decoderConvolutions, stages - 1);
      break;
    case 'ResidualEncoderUNet':
      counts('blocks', config.blocks, stages);
      counts('decoderConvolutions', config.decoderConvolutions, stages - 1);
      counts('stemChannels', [config.stemChannels], 1);
      break;
  }
}

/** Throws where a list has not so many entries, or others than positive integers. */
type Counts = (name: string, list: readonly number[], length: number) => void;

/** The part of `checkNetwork` for MONAI's UNet. */
function checkUnet(config: UnetConfig, fail: (fault: string) => Error, counts: Counts): void {
  const { filters, strides, kernel, upKernel, residualUnits, activation, classes, deepSupervision } = config;
  const stages = filters.length;
  counts('filters', filters, Math.max(2, stages));
  if (strides.length !== stages) throw fail(`strides expects ${stages} entries, got ${strides.length}`);
  for (const stride of strides) counts('strides of a stage', stride, 3);
  if (strides.at(-1)!.some((s) => s !== 1))
    throw fail(`the lowest stage's stride expects [1,1,1], got [${strides.at(-1)}]`);
  for (const each of [kernel, upKernel])
    if (each.length !== 3 || each.some((k) => k !== 1 && k !== 3 && k !== 5))
      throw fail(`kernels of 1, 3 and 5 are known, got [${each}]`);
  const uncovered = strides.find((stride) => stride.some((s, axis) => s > upKernel[axis]!));
  if (uncovered)
    throw fail(`the strides are at most the transposed kernel [${upKernel}], got [${uncovered}]`);
  if (!Number.isSafeInteger(residualUnits) || residualUnits < 0)
    throw fail(`residualUnits expects 0 or more, got ${residualUnits}`);
  if (activation.kind === 'LeakyReLU') {
    const { slope } = activation;
    if (!(slope >= 0 && slope < 1)) throw fail(`LeakyReLU's slope expects 0 or more, below 1, got ${slope}`);
  } else {
    const activated = residualUnits > 0 ? [...filters, classes] : filters;
    if (activation.slopes !== 1 && activated.some((channels) => channels !== activation.slopes))
      throw fail(`PReLU expects one slope, or as many as each layer has channels, got ${activation.slopes}`);
  }
  if (deepSupervision) throw fail('UNet has no deep supervision');
}
