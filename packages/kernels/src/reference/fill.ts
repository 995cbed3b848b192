/** Twin of `ops/fill.ts`. */
import { type Reference, reference } from './array.ts';

/** The array with elements [first, first + count) set to 0. */
export function fillZeroRange({ shape, data }: Reference, first: number, count: number): Reference {
  const output = reference(shape, data);
  for (let i = first; i < first + count; i++) output.data[i] = 0;
  return output;
}
