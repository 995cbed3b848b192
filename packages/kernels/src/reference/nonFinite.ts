/** Twin of `ops/nonFinite.ts`. */

/** 1 if any value is NaN or infinite, else 0. */
export const nonFinite = (values: ArrayLike<number>): number =>
  Array.from(values).every(Number.isFinite) ? 0 : 1;
