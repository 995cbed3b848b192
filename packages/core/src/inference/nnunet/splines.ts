/**
 * What skimage's `resize` with repeated edges makes of one axis, as tables: half-pixel grids, splines of order 0, 1
 * and 3. The source coordinate of index i is (i + ½)·from/to − ½.
 *
 * A cubic B-spline is first fitted to the samples (the prefilter) and then evaluated at four coefficients. The fit is
 * a filter of endless reach, h[j] = h[0]·z^|j| with z = √3 − 2 (Unser 1999): both steps are one filter of the samples.
 */
import type { LinearPairs } from '../../volume/resampleGrid.ts';
import type { TapTable } from '../tapPreparation.ts';

const POLE = Math.sqrt(3) - 2;

/** The samples on either side that have a share in a coefficient; those beyond count as the last: z¹⁵ is 2.6e−9. */
const REACH = 14;

/** The shares of the samples from −REACH to REACH in a coefficient; they add up to 1. */
const PREFILTER = Array.from({ length: 2 * REACH + 1 }, (_, i) => {
  const distance = Math.abs(i - REACH);
  const share = ((-6 * POLE) / (1 - POLE ** 2)) * POLE ** distance;
  return distance < REACH ? share : share / (1 - POLE); // with the geometric series beyond
});

/** The coefficients' shares at `t` past the second of four. */
const cubicShares = (t: number): number[] => [
  (1 - t) ** 3 / 6,
  (4 - 6 * t ** 2 + 3 * t ** 3) / 6,
  (1 + 3 * t + 3 * t ** 2 - 3 * t ** 3) / 6,
  t ** 3 / 6,
];

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** The source coordinate, which lies up to half a sample beyond the first or last one. */
const sourceOf = (index: number, from: number, to: number): number => (from / to) * (index + 0.5) - 0.5;

/** The taps of each index of an axis of `to` samples, in one of `from`. */
export function tapTable(order: 0 | 1 | 3, from: number, to: number): TapTable {
  const widths = { 0: 1, 1: 2, 3: 2 * REACH + 4 };
  const taps = from === to ? 1 : Math.min(from, widths[order]);
  const values = new Float32Array(to * (1 + taps));
  for (let i = 0; i < to; i++) {
    const shares = from === to ? new Map([[i, 1]]) : sharesAt(order, sourceOf(i, from, to), from);
    const first = clamp(Math.min(...shares.keys()), 0, from - taps);
    values[i * (1 + taps)] = first;
    for (const [sample, share] of shares) values[i * (1 + taps) + 1 + sample - first] = share;
  }
  return { taps, values };
}

/** Each sample's share in the value at `x`. */
function sharesAt(order: 0 | 1 | 3, x: number, size: number): Map<number, number> {
  const inside = clamp(x, 0, size - 1);
  if (order === 0) return new Map([[Math.floor(inside + 0.5), 1]]);
  if (order === 1) {
    const [lower, share] = linearShare(inside, size);
    return new Map(share > 0 ? [[lower, 1 - share] as const, [lower + 1, share] as const] : [[lower, 1]]);
  }
  const shares = new Map<number, number>();
  const below = Math.floor(x);
  cubicShares(x - below).forEach((weight, i) => {
    PREFILTER.forEach((share, j) => {
      const sample = clamp(below - 1 + i + j - REACH, 0, size - 1);
      shares.set(sample, (shares.get(sample) ?? 0) + weight * share);
    });
  });
  return shares;
}

/** The lower sample, with another above it where there are two, and the share of that. */
function linearShare(x: number, size: number): [number, number] {
  const lower = clamp(Math.floor(x), 0, Math.max(0, size - 2));
  return [lower, x - lower];
}

/** The lower sample and the share of the next one, for each index of an axis of `to` samples, in one of `from`. */
export function pairTable(order: 0 | 1, from: number, to: number): LinearPairs {
  return Array.from({ length: to }, (_, i) => {
    const x = clamp(sourceOf(i, from, to), 0, from - 1);
    return linearShare(order === 0 ? Math.floor(x + 0.5) : x, from);
  });
}
