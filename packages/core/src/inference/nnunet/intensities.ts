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
  readonly low: Float64Array;
  readonly high: Float64Array;
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
  const slices = axis === undefined ? 1 : shape[axis];
  const low = new Float64Array(slices).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(slices).fill(Number.NEGATIVE_INFINITY);
  const isPartial = new Array<boolean>(slices).fill(false);
  // Sums of differences from a value of the data, so that a large mean does not drown the deviation.
  const origin = Math.fround(data[start]);
  let [count, sum, squares] = [0, 0, 0];
  for (let z = 0; z < shape[2]; z++)
    for (let y = 0; y < shape[1]; y++) {
      let at = start + z * steps[2] + y * steps[1];
      let slice = axis === 2 ? z : axis === 1 ? y : 0;
      for (let x = 0; x < shape[0]; x++, at += steps[0]) {
        if (axis === 0) slice = x;
        if (mask && mask[at] === 0) {
          isPartial[slice] = true;
          continue;
        }
        const value = Math.fround(data[at]);
        if (value < low[slice]) low[slice] = value;
        if (value > high[slice]) high[slice] = value;
        const difference = value - origin;
        count++;
        sum += difference;
        squares += difference * difference;
      }
    }
  const mean = count ? sum / count : 0;
  const variance = count ? Math.max(0, squares / count - mean * mean) : 0;
  return { mean: origin + mean, std: Math.sqrt(variance), low, high, isPartial };
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
  low.forEach((least, slice) => {
    const values = least <= high[slice] ? [scaled(least, scaling), scaled(high[slice], scaling)] : [];
    if (isPartial[slice]) values.push(0); // outside the mask all channels are 0
    bounds.set([Math.min(...values), Math.max(...values)], 2 * slice);
  });
  return bounds;
}
