/** What the settings say of the network: its parameters, its input and the type of its activations. */
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import type { ParameterLayout } from '@organseg/core/network/parameters.ts';
import { type ActivationType, fastestActivation } from '@organseg/core/network/program.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Model, ModelPreprocessing } from '../predict/model.ts';
import { nnunetPreprocessing } from './channels.ts';
import { networkConfig } from './networkSettings.ts';
import type { Config } from './schema.ts';

/** How a scan is brought to the network: by nnU-Net's rules where the settings say how channels are normalised. */
export function preprocessingOf({ channels, spacingMm, ...config }: Config): ModelPreprocessing {
  if (channels) return { by: 'nnU-Net', ...nnunetPreprocessing(channels, spacingMm) };
  const { intensityLowHu: low, intensityHighHu: high, intensityOutside: outside } = config;
  return { by: 'organseg', spacingMm, intensity: { low, high, outside } };
}

/** What the settings say of a model whose labels and channels have these names. */
export const modelOfSettings = (config: Config, names: Pick<Model, 'labelNames' | 'channelNames'>) => ({
  ...names,
  network: networkConfig(config),
  patch: config.patch,
  windowStep: config.windowStep,
  preprocessing: preprocessingOf(config),
  mirrorAxes: [],
});

/** The network's parameters, which do not depend on the patch. */
export const parameterLayout = (config: Config): ParameterLayout => networkLayout(networkConfig(config));

/**
 * The type that activations are stored in; `auto` is the one that is fastest on the GPU. Throws InputError where f16 is
 * asked for and the GPU has none.
 */
export function precisionOf({ precision }: Pick<Config, 'precision'>, gpu: Gpu): ActivationType {
  if (precision === 'auto') return fastestActivation(gpu);
  if (precision === 'f16' && !gpu.hasF16)
    throw new InputError(`precision=f16: ${gpu.adapter.name} has no shader-f16; use precision=f32`);
  return precision;
}
