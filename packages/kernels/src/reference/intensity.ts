/** Twin of `ops/intensity.ts`. */
import type { Gamma, IntensityRange } from '../ops/intensity.ts';
import { type Reference, reference } from './array.ts';
import { intensityStatistics } from './intensityStatistics.ts';
import { normal, philox } from './philox.ts';

const map = ({ shape, data }: Reference, f: (x: number, i: number) => number) =>
  reference(shape, data.map(f));

export const scaleIntensityRange = (image: Reference, { low, high, outside }: IntensityRange): Reference =>
  map(image, (x) => {
    const y = (x - low) / (high - low);
    if (y >= 0 && y <= 1) return y;
    return outside === 'clip' ? Math.min(1, Math.max(0, y)) : 0;
  });

export const shiftIntensity = (image: Reference, offset: number): Reference => map(image, (x) => x + offset);

export const gaussianNoise = (
  image: Reference,
  { mean, std, key }: { mean: number; std: number; key: readonly [number, number] },
): Reference =>
  map(image, (x, i) => x + mean + std * normal(philox([Math.floor(i / 4), 0, 0, 0], key)[i % 4]!));

export const scaleIntensity = (image: Reference, factor: number): Reference => map(image, (x) => x * factor);

export function adjustContrast(image: Reference, factor: number): Reference {
  const [low, high, mean] = intensityStatistics(image);
  return map(image, (x) => Math.min(high, Math.max(low, mean + factor * (x - mean))));
}

/** The gamma curve, inverted as nnU-Net does it: of the negative image. */
export function gammaIntensity(image: Reference, { exponent, inverted, keepsStatistics }: Gamma): Reference {
  const sign = inverted ? -1 : 1;
  const signed = map(image, (x) => sign * x);
  const [low, high] = intensityStatistics(signed);
  const curved = map(
    signed,
    (x) => sign * (((x - low) / (high - low + 1e-7)) ** exponent * (high - low) + low),
  );
  if (!keepsStatistics) return curved;
  const [, , mean, deviation] = intensityStatistics(image);
  const [, , newMean, newDeviation] = intensityStatistics(curved);
  return map(curved, (x) => ((x - newMean) / (newDeviation + 1e-7)) * deviation + mean);
}
