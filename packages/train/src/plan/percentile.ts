/** Percentiles with linear interpolation, rounded as numpy rounds them. */

/** The percentile, 0 to 100, of numbers in any order; NaN of none. */
export function percentile(values: ArrayLike<number>, percent: number): number {
  return percentileOfSorted(Float64Array.from(values).sort(), percent);
}

/** The percentile, 0 to 100, of numbers in ascending order; NaN of none. */
export function percentileOfSorted(sorted: ArrayLike<number>, percent: number): number {
  const last = sorted.length - 1;
  if (last < 0) return Number.NaN;
  const at = (percent / 100) * last;
  const below = Math.min(Math.floor(at), last);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, last)]!];
  const share = at - below;
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share);
}

/** The mean of the two numbers in the middle, or the one; NaN of none. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
