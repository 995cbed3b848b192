/** The float64 twins' arrays: the kernels' layout, [N, D, H, W, C], in double precision. */
export interface Reference {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function reference(shape: readonly number[], data?: ArrayLike<number>): Reference {
  const size = shape.reduce((a, b) => a * b, 1);
  if (data && data.length !== size) throw new Error(`[${shape}] takes ${size} values, got ${data.length}`);
  return { shape, data: data ? Float64Array.from(data) : new Float64Array(size) };
}

/** ‖a − b‖ / ‖b‖, the error that the tests bound; ‖a‖ where b is zero. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`comparing ${a.length} values with ${b.length}`);
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(norm > 0 ? difference / norm : difference);
}
