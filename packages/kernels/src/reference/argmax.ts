/** Twin of `ops/argmax.ts`. */
import type { Reference } from './array.ts';

/** `regions` are the labels of channels that are regions. */
export function argmax({ shape, data }: Reference, regions?: readonly number[]): number[] {
  const classes = shape.at(-1)!;
  return Array.from({ length: data.length / classes }, (_, v) => {
    const values = Array.from(data.subarray(v * classes, (v + 1) * classes));
    if (regions) return regions[values.findLastIndex((value) => value > 0)] ?? 0;
    return values.indexOf(Math.max(...values));
  });
}
