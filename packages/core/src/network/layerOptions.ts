/** What layers are besides their inputs. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Slot } from './op.ts';

/** What a convolution is besides its input. */
export interface ConvOptions {
  /** Output channels. */
  readonly filters: number;
  readonly kernel: Dhw;
  readonly stride?: Dhw;
  /** Zeros before the first voxel; MONAI's where undefined, see `conv3d.ts`. */
  readonly padding?: Dhw;
  readonly bias?: boolean;
}

/** What a transposed convolution is besides its input. */
export interface TransposedOptions {
  /** Output channels. */
  readonly filters: number;
  readonly stride: Dhw;
  readonly bias?: boolean;
}

/** What an instance norm is besides its input, see `instanceNorm`. */
export interface InstanceNormOptions {
  readonly residual?: Slot | undefined;
  readonly linear?: boolean;
  readonly startsAtZero?: boolean | undefined;
}

/** What a norm is besides its input: the slope tells the activation, and groups of channels may share statistics. */
export interface NormOptions extends Pick<InstanceNormOptions, 'residual' | 'startsAtZero'> {
  readonly slope: number;
  readonly groups?: number;
}
