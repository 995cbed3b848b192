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

/** What a transposed convolution whose blocks overlap is besides its inputs. */
export interface TransposedOverlapOptions extends TransposedOptions {
  /** Odd, and at least the stride. */
  readonly kernel: Dhw;
}

/** What an instance norm is besides its input, see `instanceNorm`. */
export interface InstanceNormOptions {
  readonly residual?: Slot | undefined;
  /** Whether the output may only be another norm's residual; it has no activation then. */
  readonly linear?: boolean;
  readonly startsAtZero?: boolean | undefined;
  /** The slope of the activation below 0, 1 for none; LeakyReLU's usual one unless given. */
  readonly slope?: number | undefined;
  /** Whether the scale is 1 and the offset 0 for ever. */
  readonly isFixed?: boolean | undefined;
}

/** What a norm is besides its input. */
export interface NormOptions extends Omit<InstanceNormOptions, 'slope'> {
  /** The slope of the activation below 0; 1 for none. */
  readonly slope: number;
  /** The number of groups of channels that share statistics. */
  readonly groups?: number;
  /** Whether the statistics are parameters rather than the input's. */
  readonly isTold?: boolean;
}
