/** Twin of `ops/add.ts`. */
import { type Reference, reference } from './array.ts';

/** Both of one shape. */
export const forward = (a: Reference, b: Reference): Reference =>
  reference(
    a.shape,
    a.data.map((x, i) => x + b.data[i]!),
  );
