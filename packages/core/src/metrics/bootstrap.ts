/** How far a mean over cases may be off: the bootstrap over cases (Efron 1979), percentiles. */
import { Random } from '../random.ts';

export interface BootstrapMean {
  readonly mean: number;
  /** 95 % of the means of resampled cases lie between the two; NaN of fewer than two cases. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 10_000;

/** The mean is NaN of no values. The same values give the same interval. */
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
