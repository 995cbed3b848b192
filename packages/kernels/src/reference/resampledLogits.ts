/** Twins of `ops/argmaxResampled.ts` and `ops/probabilitiesResampled.ts`, over logits [D, H, W, C]. */
import type { AxisMaps } from '../ops/resample.ts';
import { argmax, pseudoLabels } from './argmax.ts';
import { type Reference, reference } from './array.ts';
import { trilinear } from './resample.ts';
import { forward as softmax } from './softmax.ts';

/** Logits at the voxels of another grid, `shape` D, H, W: each channel interpolated by itself. */
export function resampledLogits(logits: Reference, shape: readonly number[], maps: AxisMaps): Reference {
  const classes = logits.shape[3]!;
  const output = reference([...shape, classes]);
  for (let c = 0; c < classes; c++) {
    const channel = logits.data.filter((_, i) => i % classes === c);
    const { data } = trilinear(reference(logits.shape.slice(0, 3), channel), shape, maps);
    data.forEach((value, voxel) => {
      output.data[voxel * classes + c] = value;
    });
  }
  return output;
}

/** The label of each voxel of the other grid. */
export const argmaxResampled = (
  logits: Reference,
  shape: readonly number[],
  maps: AxisMaps,
  regions?: readonly number[],
): number[] => argmax(resampledLogits(logits, shape, maps), regions);

/** The pseudo-label of each voxel of the other grid, given the least probability that counts for each label. */
export const pseudoLabelsResampled = (
  logits: Reference,
  shape: readonly number[],
  maps: AxisMaps,
  least: readonly number[],
): number[] => pseudoLabels(resampledLogits(logits, shape, maps), least);

/**
 * Probabilities at the voxels of the other grid, [D, H, W, C], in 255ths, not rounded. Where all logits are 0 the first
 * channel, the background, has all.
 */
export function softmaxResampled(logits: Reference, shape: readonly number[], maps: AxisMaps): Reference {
  const resampled = resampledLogits(logits, shape, maps);
  const classes = resampled.shape.at(-1)!;
  const output = softmax(resampled);
  output.data.forEach((share, i) => {
    const first = i - (i % classes);
    const isNowhere = resampled.data.subarray(first, first + classes).every((value) => value === 0);
    output.data[i] = 255 * (isNowhere ? Number(i === first) : share);
  });
  return output;
}

/** Each region's probability at the voxels of the other grid, [D, H, W, C], in 255ths, not rounded. */
export function sigmoidResampled(logits: Reference, shape: readonly number[], maps: AxisMaps): Reference {
  const output = resampledLogits(logits, shape, maps);
  output.data.forEach((value, i) => {
    output.data[i] = 255 / (1 + Math.exp(-value));
  });
  return output;
}
