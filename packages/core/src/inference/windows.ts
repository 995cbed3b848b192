/**
 * Sliding windows along one axis: their places, and the weights of their voxels. Ours are placed with halves rounded
 * up and weighed about their very middle; nnU-Net's with halves to even, about the voxel patch // 2.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Mirrored } from '@organseg/kernels/ops/accumulateWindow.ts';
import { roundHalfToEven } from '../volume/roundHalfToEven.ts';

/** The weights' σ as a share of the patch, as in MONAI's and nnU-Net's importance maps. */
const SIGMA_SHARE = 0.125;

/** Whose windows are placed and weighed. */
export type WindowWay = 'organseg' | 'nnunet';

/** The first voxels of windows: evenly spread, at most `windowStep` of a patch apart. */
export function windowStarts(
  size: number,
  patch: number,
  windowStep: number,
  way: WindowWay = 'organseg',
): number[] {
  if (size <= patch) return [0];
  const count = Math.ceil((size - patch) / (patch * windowStep)) + 1;
  const distance = (size - patch) / (count - 1);
  const nearest = way === 'nnunet' ? roundHalfToEven : Math.round;
  return Array.from({ length: count }, (_, i) => nearest(i * distance));
}

/** The first voxels of windows, where a volume smaller than the patch lies in the middle of it. */
export const windowOrigins = (size: number, patch: number, windowStep: number, way?: WindowWay): number[] =>
  size < patch ? [-Math.floor((patch - size) / 2)] : windowStarts(size, patch, windowStep, way);

function gaussian(size: number, way: WindowWay): number[] {
  const sigma = size * SIGMA_SHARE;
  const middle = way === 'nnunet' ? Math.floor(size / 2) : (size - 1) / 2;
  return Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - middle) / sigma) ** 2));
}

/**
 * The weights of each window, one after another: Gaussian, divided by their sum over all windows at
 * the same voxel. The product over the axes then sums to 1 at every voxel, since windows lie on a grid.
 */
export function windowWeights(size: number, patch: number, origins: readonly number[]): Float32Array {
  const bell = gaussian(patch, 'organseg');
  const sums = new Float64Array(size);
  const inside = (origin: number, i: number) => origin + i >= 0 && origin + i < size;
  for (const origin of origins)
    for (let i = 0; i < patch; i++) if (inside(origin, i)) sums[origin + i] += bell[i];
  const weights = origins.flatMap((origin) =>
    bell.map((weight, i) => (inside(origin, i) ? weight / sums[origin + i] : 0)),
  );
  return Float32Array.from(weights);
}

/**
 * nnU-Net's weights of a window's voxels, D, H, W: Gaussian about the voxel patch // 2, 10 at most, rounded to half
 * precision, in which what would become 0 is the least that does not.
 */
export function importanceMap(patch: Dhw): Float32Array<ArrayBuffer> {
  const [d, h, w] = patch.map((size) => gaussian(size, 'nnunet')) as [number[], number[], number[]];
  const map = new Float32Array(d.length * h.length * w.length);
  let least = 10;
  let at = 0;
  for (const a of d)
    for (const b of h)
      for (const c of w) {
        const value = Math.f16round(10 * a * b * c);
        if (value > 0 && value < least) least = value;
        map[at++] = value;
      }
  for (let i = 0; i < map.length; i++) if (map[i] === 0) map[i] = least;
  return map;
}

/** All ways to mirror along some of the axes, 0 to 2 of D, H, W; not to mirror is the first. */
export function mirrorings(axes: readonly number[]): Mirrored[] {
  return Array.from({ length: 2 ** axes.length }, (_, bits) => {
    const on = (axis: number) => axes.some((each, i) => each === axis && (bits >> i) % 2 === 1);
    return [on(0), on(1), on(2)];
  });
}
