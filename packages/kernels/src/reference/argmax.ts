/** Twin of `ops/argmax.ts`. */
import type { Reference } from './array.ts';

export function argmax({ shape, data }: Reference): number[] {
  const classes = shape.at(-1)!;
  return Array.from({ length: data.length / classes }, (_, v) => {
    const values = Array.from(data.subarray(v * classes, (v + 1) * classes));
    return values.indexOf(Math.max(...values));
  });
}
