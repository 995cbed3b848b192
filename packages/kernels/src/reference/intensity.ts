/** Twin of `ops/intensity.ts`. */
import type { IntensityWindow } from '../ops/intensity.ts';
import { type Reference, reference } from './array.ts';
import { normal, philox } from './philox.ts';

const map = ({ shape, data }: Reference, f: (x: number, i: number) => number) =>
  reference(shape, data.map(f));

export const windowIntensity = (image: Reference, { low, high, outside }: IntensityWindow): Reference =>
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

export function gammaIntensity(image: Reference, gamma: number): Reference {
  const low = image.data.reduce((a, b) => Math.min(a, b));
  const width = image.data.reduce((a, b) => Math.max(a, b)) - low;
  return map(image, (x) => ((x - low) / (width + 1e-7)) ** gamma * width + low);
}
