/** Twin of `ops/clipNorm.ts`. */
import { type Reference, reference } from './array.ts';

export function clipNorm({ shape, data }: Reference, most: number): Reference {
  const norm = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
  const factor = Math.min(1, most / (norm + 1e-6));
  return reference(
    shape,
    data.map((x) => x * factor),
  );
}
