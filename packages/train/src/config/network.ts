/** The network as the settings describe it: its form, its parameters, its input and the type of its activations. */
import { InputError } from '@organseg/core/inputError.ts';
import { layoutOf } from '@organseg/core/network/layout.ts';
import type { ParameterLayout } from '@organseg/core/network/parameters.ts';
import { type ActivationType, fastestActivation } from '@organseg/core/network/program.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Config } from './schema.ts';

/** The settings that the network is built from. */
export const unetConfig = ({ classes, filters, kernels, strides, deepSupervision }: Config) => ({
  inputChannels: 1,
  classes,
  filters,
  deepSupervision,
  kernels,
  strides,
});

/** The grid and the intensities that a scan is brought to before the network sees it. */
export const preprocessingOf = (config: Config) => ({
  spacingMm: config.spacingMm,
  intensity: { low: config.intensityLowHu, high: config.intensityHighHu, outside: config.intensityOutside },
});

/** The network's parameters, which do not depend on the patch. */
export const parameterLayout = (config: Config): ParameterLayout =>
  layoutOf(unetConfig(config), config.patch);

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
