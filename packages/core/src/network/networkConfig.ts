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
}

/** MONAI's DynUNet. */
export interface DynUnetConfig extends Outputs, Stages {
  readonly architecture: 'DynUNet';
  /** Whether the encoder's blocks add their input to their output. */
  readonly residual: boolean;
  /** Whether the transposed convolutions have a bias. */
  readonly transposedBias: boolean;
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

/** MONAI's SegResNet, whose stages double the channels and halve the resolution. It has no deep supervision. */
export interface SegResNetConfig extends Outputs {
  readonly architecture: 'SegResNet';
  /** Channels of the first stage, a multiple of the 8 groups of its norms. */
  readonly initFilters: number;
  /** Residual blocks of each stage of the encoder. */
  readonly blocksDown: readonly number[];
  /** Residual blocks of each stage of the decoder, the lowest resolution first; one entry fewer than blocksDown. */
  readonly blocksUp: readonly number[];
}

/** The form of a network. */
export type NetworkConfig = DynUnetConfig | PlainConvUnetConfig | ResidualEncoderUnetConfig | SegResNetConfig;

/** The strides of each stage, D, H, W. */
const stridesOf = (config: NetworkConfig): readonly Dhw[] =>
  config.architecture === 'SegResNet'
    ? config.blocksDown.map((_, stage) => (stage === 0 ? [1, 1, 1] : [2, 2, 2]))
    : config.strides;

/** The sizes whose multiples a patch must have, D, H, W. */
export const patchDivisor = (config: NetworkConfig): Dhw =>
  dhw((axis) => stridesOf(config).reduce((product, stride) => product * stride[axis]!, 1));

/** Throws where a network's form contradicts itself, or has what no kernel computes. */
export function checkNetwork(config: NetworkConfig): void {
  if (config.architecture !== 'DynUNet') throw new Error(`network: ${config.architecture} is not known`);
  const { filters, kernels, strides } = config;
  if (filters.length < 2 || kernels.length !== filters.length || strides.length !== filters.length) {
    throw new Error(
      `network: filters, kernels and strides expect one entry a stage, at least 2; got ${filters.length}, ${kernels.length}, ${strides.length}`,
    );
  }
  if (strides[0]!.some((s) => s !== 1))
    throw new Error(`network: the first stride expects [1,1,1], got [${strides[0]}]`);
  const unknown = kernels.find((kernel) => kernel.some((k) => k !== 1 && k !== 3));
  if (unknown) throw new Error(`network: kernels of 1 and 3 are known, got [${unknown}]`);
}
