/** The uncertainty of a mean over cases: percentiles of the bootstrap over cases (Efron 1979). */
import { Random } from '../random.ts';

/** A mean and its interval. */
export interface BootstrapMean {
  readonly mean: number;
  /** The ends between which 95 % of the means of resampled cases lie; NaN for fewer than two cases. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 10_000;

/** The mean of values, NaN where there are none, and its interval, which is the same for the same values. */
export function bootstrapMean(values: readonly number[]): BootstrapMean {
  const count = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  if (count < 2) return { mean, low: Number.NaN, high: Number.NaN };
  const random = new Random(1);
  const means = new Float64Array(RESAMPLES);
  for (let draw = 0; draw < RESAMPLES; draw++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[random.int(count)];
    means[draw] = sum / count;
  }
  means.sort();
  const at = (share: number) => means[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))];
  return { mean, low: at(0.025), high: at(0.975) };
}
