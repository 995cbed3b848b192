/** The settings that the network is built from. */
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { MAX_CLASSES } from '@organseg/files/dataset.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';

export const size = z.int().positive();
/** Numbers along D, H, W, the order of tensors. */
export const dhw: z.ZodType<Dhw> = z.tuple([size, size, size]);

export const networkSettings = {
  /** Number of output channels: background and organs. */
  classes: z.int().min(2).max(MAX_CLASSES),
  /** Number of filters of each stage of the network, the finest first. */
  filters: z.array(size).min(2),
  /** Kernel size of each stage. */
  kernels: z.array(dhw),
  /** Stride into each stage from the one before; the first one's is 1. */
  strides: z.array(dhw),
  /** Whether the loss also judges outputs at lower resolutions. */
  deepSupervision: z.boolean(),
};

const schema = z.object(networkSettings);
export type NetworkSettings = z.infer<typeof schema>;

/** The network that the settings describe. */
export const networkConfig = ({
  classes,
  filters,
  kernels,
  strides,
  deepSupervision,
}: NetworkSettings): NetworkConfig => ({
  architecture: 'DynUNet',
  residual: true,
  transposedBias: false,
  inputChannels: 1,
  classes,
  filters,
  kernels,
  strides,
  deepSupervision,
});
