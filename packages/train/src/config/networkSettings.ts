/** The settings that the network is built from. */
import { InputError } from '@organseg/core/inputError.ts';
import {
  checkNetwork,
  type NetworkConfig,
  patchDivisor,
  UNET_NORMS,
} from '@organseg/core/network/networkConfig.ts';
import { MAX_CLASSES } from '@organseg/core/organs.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';

export const size = z.int().positive();
export const probability = z.number().min(0).max(1);
/** Numbers along D, H, W, the order of tensors. */
export const dhw: z.ZodType<Dhw> = z.tuple([size, size, size]);

/** The layers of MONAI's UNet, see `UnetConfig`. */
const unetLayers = z.strictObject({
  upKernel: dhw.default([3, 3, 3]),
  residualUnits: z.int().min(0).default(2),
  norm: z.enum(UNET_NORMS).default('instance'),
  activation: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('PReLU'), slopes: size }),
      z.strictObject({ kind: z.literal('LeakyReLU'), slope: z.number().min(0).lt(1) }),
    ])
    .default({ kind: 'PReLU', slopes: 1 }),
  bias: z.boolean().default(true),
});

export const networkSettings = {
  /** The network: MONAI's DynUNet, SegResNet or UNet, or nnU-Net's PlainConvUNet or ResidualEncoderUNet. */
  architecture: z
    .enum(['DynUNet', 'PlainConvUNet', 'ResidualEncoderUNet', 'SegResNet', 'UNet'])
    .default('DynUNet'),
  /** Number of labels: background and organs. */
  classes: z.int().min(2).max(MAX_CLASSES),
  /** Number of filters of each stage of the network, the finest first. */
  filters: z.array(size).min(2),
  /** Kernel size of each stage. */
  kernels: z.array(dhw),
  /** Stride into each stage from the one before; the first one's is 1, in a UNet the last one's. */
  strides: z.array(dhw),
  /** Whether a DynUNet's encoder has residual blocks. */
  residual: z.boolean().default(true),
  /**
   * Convolutions of each stage of a PlainConvUNet's encoder, residual blocks of a ResidualEncoderUNet's or a SegResNet's;
   * null: their libraries' 2 in each, 1, 3, 4, 6, 6 … or 1, 2, 2, 4, 4 …
   */
  blocks: z.array(size).nullable().default(null),
  /**
   * Convolutions of each stage of nnU-Net's decoders, residual blocks of a SegResNet's, the coarsest first; null: 2 of a
   * PlainConvUNet, else 1.
   */
  decoderBlocks: z.array(size).nullable().default(null),
  /** Whether transposed convolutions have a bias; null: as their library has it, nnU-Net with one and MONAI without. */
  transposedBias: z.boolean().nullable().default(null),
  /** The layers of a UNet; null: MONAI's usual ones with two residual units. */
  unet: unetLayers.nullable().default(null),
  /** Whether the loss also judges outputs at lower resolutions. */
  deepSupervision: z.boolean(),
};

const schema = z.object(networkSettings);
export type NetworkSettings = z.infer<typeof schema>;

/** The libraries' numbers of residual blocks, from the full resolution down; every further stage has the last one's. */
const RESIDUAL_BLOCKS = { ResidualEncoderUNet: [1, 3, 4, 6], SegResNet: [1, 2, 2, 4] };

/** What a network reads and puts out. */
interface NetworkEnds {
  /** As many input channels as are normalised; null: one of CT. */
  readonly channels: readonly unknown[] | null;
  /** As many outputs as there are regions; null: one for each class. */
  readonly regions: readonly unknown[] | null;
}

/** The network that the settings describe. */
export function networkConfig(settings: NetworkSettings & NetworkEnds): NetworkConfig {
  const classes = settings.regions?.length ?? settings.classes;
  const { architecture, filters, kernels, strides, deepSupervision } = settings;
  const inputChannels = settings.channels?.length ?? 1;
  const { residual, blocks, decoderBlocks, transposedBias } = settings;
  const common = { inputChannels, classes, filters, kernels, strides, deepSupervision };
  const decoderConvolutions = (count: number) => decoderBlocks ?? filters.slice(1).map(() => count);
  const residualBlocks = (counts: readonly number[]) =>
    blocks ?? filters.map((_, stage) => counts[stage] ?? counts.at(-1)!);
  switch (architecture) {
    case 'DynUNet':
      return { architecture, ...common, residual, transposedBias: transposedBias ?? false };
    case 'PlainConvUNet':
      return {
        architecture,
        ...common,
        transposedBias: transposedBias ?? true,
        convolutions: blocks ?? filters.map(() => 2),
        decoderConvolutions: decoderConvolutions(2),
      };
    case 'ResidualEncoderUNet':
      return {
        architecture,
        ...common,
        transposedBias: transposedBias ?? true,
        blocks: residualBlocks(RESIDUAL_BLOCKS[architecture]),
        decoderConvolutions: decoderConvolutions(1),
        stemChannels: filters[0]!,
      };
    case 'SegResNet':
      return {
        architecture,
        inputChannels,
        classes,
        deepSupervision,
        initFilters: filters[0]!,
        blocksDown: residualBlocks(RESIDUAL_BLOCKS[architecture]),
        blocksUp: decoderConvolutions(1),
      };
    case 'UNet':
      return {
        architecture,
        inputChannels,
        classes,
        deepSupervision,
        filters,
        strides,
        kernel: kernels[0]!,
        ...(settings.unet ?? unetLayers.parse({})),
      };
  }
}

/** The settings that describe a network, as far as settings can. */
export function settingsOfNetwork(network: NetworkConfig): NetworkSettings {
  const { architecture, classes, deepSupervision = false } = network;
  const common = {
    architecture,
    classes,
    deepSupervision,
    residual: true,
    blocks: null,
    decoderBlocks: null,
    unet: null,
  };
  if (network.architecture === 'UNet') {
    const { filters, strides, kernel, upKernel, residualUnits, norm, activation, bias } = network;
    return {
      ...common,
      filters: [...filters],
      kernels: filters.map(() => kernel),
      strides: [...strides],
      transposedBias: null,
      unet: { upKernel, residualUnits, norm, activation, bias },
    };
  }
  if (network.architecture === 'SegResNet') {
    const { initFilters, blocksDown, blocksUp } = network;
    return {
      ...common,
      filters: blocksDown.map((_, stage) => initFilters * 2 ** stage),
      kernels: blocksDown.map(() => [3, 3, 3]),
      strides: blocksDown.map((_, stage) => (stage === 0 ? [1, 1, 1] : [2, 2, 2])),
      blocks: [...blocksDown],
      decoderBlocks: [...blocksUp],
      transposedBias: null,
    };
  }
  const { filters, kernels, strides, transposedBias } = network;
  const stages = {
    ...common,
    filters: [...filters],
    kernels: [...kernels],
    strides: [...strides],
    transposedBias,
  };
  switch (network.architecture) {
    case 'DynUNet':
      return { ...stages, residual: network.residual };
    case 'PlainConvUNet':
      return {
        ...stages,
        blocks: [...network.convolutions],
        decoderBlocks: [...network.decoderConvolutions],
      };
    case 'ResidualEncoderUNet':
      return { ...stages, blocks: [...network.blocks], decoderBlocks: [...network.decoderConvolutions] };
  }
}

/** Throws InputError that names `source` unless the settings describe a network, and one that takes such patches. */
export function assertNetwork(
  settings: NetworkSettings & NetworkEnds & { readonly patch: Dhw },
  source: string,
): void {
  const { filters, kernels, strides, blocks, decoderBlocks, patch } = settings;
  const stages = filters.length;
  if (kernels.length !== stages || strides.length !== stages) {
    throw new InputError(
      `${source}: filters, kernels and strides expect one entry for each of ${stages} stages`,
    );
  }
  if (blocks && blocks.length !== stages)
    throw new InputError(`${source}: blocks expects one entry for each of ${stages} stages`);
  if (decoderBlocks && decoderBlocks.length !== stages - 1)
    throw new InputError(`${source}: decoderBlocks expects one entry for each of ${stages - 1} stages`);
  const network = networkConfig(settings);
  if (network.architecture === 'SegResNet') {
    const isDoubling = filters.every((count, stage) => count === network.initFilters * 2 ** stage);
    const isCubic =
      kernels.every((kernel) => kernel.every((n) => n === 3)) &&
      strides.every((stride, stage) => stride.every((n) => n === (stage === 0 ? 1 : 2)));
    if (!isDoubling || !isCubic)
      throw new InputError(
        `${source}: SegResNet expects filters that double, kernels of 3, and strides of 1, then 2`,
      );
  }
  if (network.architecture === 'UNet' && kernels.some((each) => each.join() !== network.kernel.join()))
    throw new InputError(`${source}: UNet expects the same kernel in all stages`);
  try {
    checkNetwork(network);
  } catch (error) {
    throw new InputError(`${source}: ${(error as Error).message}`);
  }
  const divisor = patchDivisor(network);
  if (patch.some((n, i) => n % divisor[i]!)) {
    throw new InputError(
      `${source}: patch [${patch}] expects multiples of [${divisor}], the strides' product`,
    );
  }
}
