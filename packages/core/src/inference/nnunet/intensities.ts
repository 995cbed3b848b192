/**
 * nnU-Net's normalisations: a channel's values clipped, shifted and divided, by numbers that come from its plans or from
 * the scan itself. Done in float32, as nnU-Net does; the scan's own mean and deviation are worked out in float64.
 */
import { InputError } from '../../inputError.ts';
import type { VoxelArray } from '../../volume/volume.ts';
import type { CroppedView } from '../caseGeometry.ts';
import type { Normalisation } from './preprocessing.ts';

/** What a channel's values are in, before anything is done to them. */
export interface ChannelStatistics {
  readonly mean: number;
  readonly std: number;
  /** The least and the greatest value of each slice across the axis that was asked for. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Whether a slice holds voxels outside the mask, which count neither here nor above. */
  readonly isPartial: readonly boolean[];
}

/** (min(max(value, low), high) − shift) / divisor; voxels outside the mask stay as they are. */
export interface Scaling {
  readonly low: number;
  readonly high: number;
  readonly shift: number;
  readonly divisor: number;
}

/** nnU-Net's least divisor. */
const EPSILON = 1e-8;

/**
 * The statistics of the voxels of a view where the mask, laid out as the data, is not 0. `axis` is that of the view's
 * x, y, z across which slices are told apart; all are one slice where there is none.
 */
export function channelStatistics(
  data: VoxelArray,
  { start, steps, shape }: CroppedView,
  mask: Uint8Array | undefined,
  axis: 0 | 1 | 2 | undefined,
): ChannelStatistics {
  const across = axis ?? 2;
  const slices = shape[across];
  const low: number[] = [];
  const high: number[] = [];
  const isPartial: boolean[] = [];
  // The other axes, that with the smaller steps last: neighbours in memory are read one after another.
  const [outer, inner] = ([0, 1, 2] as const)
    .filter((other) => other !== across)
    .sort((a, b) => Math.abs(steps[b]) - Math.abs(steps[a])) as [0 | 1 | 2, 0 | 1 | 2];
  const [rows, columns, step] = [shape[outer], shape[inner], steps[inner]];
  // Sums of differences from a value of the data, so that a large mean does not drown the deviation.
  const origin = Math.fround(data[start]);
  let [count, sum, squares] = [0, 0, 0];
  for (let slice = 0; slice < slices; slice++) {
    let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const before = count;
    for (let row = 0; row < rows; row++) {
      let at = start + slice * steps[across] + row * steps[outer];
      for (let column = 0; column < columns; column++, at += step) {
        if (mask && mask[at] === 0) continue;
        const value = Math.fround(data[at]);
        least = Math.min(least, value);
        greatest = Math.max(greatest, value);
        const difference = value - origin;
        count++;
        sum += difference;
        squares += difference * difference;
      }
    }
    low.push(least);
    high.push(greatest);
    isPartial.push(count - before < rows * columns);
  }
  const mean = count ? sum / count : 0;
  const variance = count ? Math.max(0, squares / count - mean * mean) : 0;
  const whole = { mean: origin + mean, std: Math.sqrt(variance), low, high, isPartial };
  if (axis !== undefined) return whole;
  const [least, greatest] = [Math.min(...low), Math.max(...high)];
  return { ...whole, low: [least], high: [greatest], isPartial: [isPartial.includes(true)] };
}

/** What becomes of a channel with these statistics. Throws InputError where they do not suit the scheme. */
export function scalingOf(scheme: Normalisation, statistics: ChannelStatistics): Scaling {
  const unclipped = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const scaling = (shift: number, divisor: number, range = unclipped): Scaling => ({
    low: Math.fround(range.low),
    high: Math.fround(range.high),
    shift: Math.fround(shift),
    divisor: Math.fround(divisor),
  });
  const [least, greatest] = [Math.min(...statistics.low), Math.max(...statistics.high)];
  switch (scheme.scheme) {
    case 'CTNormalization':
      return scaling(scheme.mean, Math.max(scheme.std, EPSILON), scheme);
    case 'ZScoreNormalization':
      return scaling(statistics.mean, Math.max(statistics.std, EPSILON));
    case 'RescaleTo01Normalization':
      return scaling(least, Math.max(greatest - least, EPSILON));
    case 'RGBTo01Normalization':
      if (least < 0 || greatest > 255)
        throw new InputError(`RGBTo01Normalization takes values from 0 to 255, got ${least} to ${greatest}`);
      return scaling(0, 255);
    case 'NoNormalization':
      return scaling(0, 1);
  }
}

/** A value, scaled in float32. */
export const scaled = (value: number, { low, high, shift, divisor }: Scaling): number =>
  Math.fround(Math.fround(Math.min(Math.max(Math.fround(value), low), high) - shift) / divisor);

/** The least and the greatest scaled value of each slice, [slices, 2]. */
export function scaledBounds({ low, high, isPartial }: ChannelStatistics, scaling: Scaling): Float32Array {
  const bounds = new Float32Array(2 * low.length);
  for (let slice = 0; slice < low.length; slice++) {
    const isEmpty = low[slice] > high[slice];
    const values = isEmpty ? [] : [scaled(low[slice], scaling), scaled(high[slice], scaling)];
    if (isPartial[slice]) values.push(0); // outside the mask all channels are 0
    bounds.set([Math.min(...values), Math.max(...values)], 2 * slice);
  }
  return bounds;
}
