/**
 * MONAI's NormalizeIntensity as normalisations of channels: minus numbers that are given, by others, or minus the scan's
 * own mean, by its deviation.
 */
import type { Normalisation } from '@organseg/core/inference/nnunet/preprocessing.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { IntensityRange } from '@organseg/kernels/ops/intensity.ts';
import { z } from 'zod';
import { argumentsOf, type BundleConfig, type Component } from './bundleConfig.ts';

const numbers = z
  .union([z.number(), z.array(z.number())])
  .nullable()
  .default(null);
const NORMALIZE = {
  subtrahend: numbers,
  divisor: numbers,
  nonzero: z.boolean().default(false),
  channel_wise: z.boolean().default(false),
};

/** Intensities beyond which a scan has none: where nothing is clipped. */
const FARTHEST = 2 ** 31;

/**
 * The normalisation of each channel, behind that of a range to 0…1 where `range` is given. Throws InputError that names
 * what cannot be expressed.
 */
export function normalisationsOf(
  config: BundleConfig,
  transform: Component,
  range: IntensityRange | undefined,
  channels: number,
): Normalisation[] {
  const refuse = (fault: string) => new InputError(`${config.path}: ${transform.target}: ${fault}`);
  const given = argumentsOf(config, transform, NORMALIZE);
  const { nonzero, channel_wise: isByChannel } = given;
  const [subtrahends, divisors] = (['subtrahend', 'divisor'] as const).map((key) => {
    const value = given[key];
    if (value === null || !Array.isArray(value)) return value === null ? null : Array(channels).fill(value);
    if (!isByChannel || value.length !== channels)
      throw refuse(`${key} expects a number, or with channel_wise one for each of ${channels} channels`);
    return value;
  });
  if (subtrahends && divisors) {
    if (nonzero) throw refuse('nonzero expects false where subtrahend and divisor are given');
    const { low = -FARTHEST, high = FARTHEST } = range ?? {};
    const [start, width] = range ? [low, high - low] : [0, 1];
    return divisors.map((divisor, channel) => {
      if (!(divisor > 0)) throw refuse(`divisor expects numbers above 0, got ${divisor}`);
      const mean = start + width * subtrahends[channel];
      return { scheme: 'CTNormalization', low, high, mean, std: width * divisor };
    });
  }
  if (subtrahends || divisors) throw refuse('expects subtrahend and divisor, or neither');
  if (range) throw refuse('expects subtrahend and divisor behind ScaleIntensityRanged');
  if (channels > 1 && !isByChannel) throw refuse(`channel_wise expects true, of ${channels} channels`);
  return Array.from({ length: channels }, () => ({ scheme: 'ZScoreNormalization', useMask: nonzero }));
}
