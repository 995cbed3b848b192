/** Twin of `ops/intensityStatistics.ts`. */
import type { Reference } from './array.ts';

/** Least, greatest, mean, deviation. */
export function intensityStatistics({ data }: Reference): [number, number, number, number] {
  const mean = data.reduce((a, b) => a + b) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  return [
    data.reduce((a, b) => Math.min(a, b)),
    data.reduce((a, b) => Math.max(a, b)),
    mean,
    Math.sqrt(variance),
  ];
}
