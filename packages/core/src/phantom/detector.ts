/** The scanner's part in the image: point spread, noise, whole Hounsfield units. */
import type { Random } from '../random.ts';
import { spacingOf } from '../volume/affine.ts';
import { type Grid, type Xyz, xyz } from '../volume/volume.ts';
import { clamp, mix } from './functions.ts';

/** One scanner and its reconstruction. */
export interface Detector {
  /** The deviation of the noise in soft tissue at a mean spacing of 3 mm, HU. */
  readonly noiseHu: number;
  /** The deviation of the reconstruction kernel's point spread, mm. */
  readonly blurMm: number;
  /** The number of metal clips in the field of view, each with its streaks. */
  readonly clips: number;
}

/** A random scanner. Smooth kernels blur and have less noise, sharp ones the other way round. */
export function sampleDetector(random: Random): Detector {
  const sharp = random.uniform();
  return { noiseHu: random.uniform(5, 11) * mix(0.75, 1.6, sharp), blurMm: mix(1.5, 0.5, sharp), clips: 0 };
}

/** Blurs the painted image, adds noise and rounds to whole Hounsfield units. Overwrites `hu`. */
export function acquire(hu: Float32Array, grid: Grid, detector: Detector, random: Random): Int16Array {
  for (let i = 0; i < detector.clips; i++) addClip(hu, grid, random.fork('clip').fork(i));
  const spacing = spacingOf(grid.affine);
  const mean = Math.cbrt(spacing[0] * spacing[1] * spacing[2]);
  blur(
    hu,
    grid.shape,
    xyz((axis) => detector.blurMm / spacing[axis]),
  );

  const noise = new Float32Array(hu.length);
  for (let i = 0; i < noise.length; i++) noise[i] = random.normal();
  const grain = xyz((axis) => (0.8 * detector.blurMm) / spacing[axis]);
  const kept = blur(noise, grid.shape, grain);
  // Larger voxels count more photons; blurring takes noise out, which is put back: its amount is the detector's.
  const amplitude = (detector.noiseHu * Math.sqrt(3 / mean)) / kept;
  const image = new Int16Array(hu.length);
  for (let i = 0; i < image.length; i++) {
    // Noise is that of the photons that get through: less in air around the patient.
    const here = amplitude * mix(0.35, 1, clamp((hu[i] + 1000) / 800, 0, 1));
    image[i] = clamp(Math.round(hu[i] + here * noise[i]), -1024, 3071);
  }
  return image;
}

/** How far above and below a clip, in mm, its streaks run, unless slices are thicker. */
const STREAKS_MM = 5;

/** Adds a clip of metal somewhere near the middle, and the bright and dark rays that run from it along its slices. */
function addClip(hu: Float32Array, { shape, affine }: Grid, random: Random): void {
  const at = xyz((axis) => random.uniform(0.3, 0.7) * shape[axis]);
  const rays = Array.from({ length: 5 }, () => [2 + random.int(12), random.uniform(0, 2 * Math.PI)] as const);
  const strength = random.uniform(30, 140);
  const reach = Math.max(STREAKS_MM, spacingOf(affine)[2]);
  let index = 0;
  for (let k = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++)
      for (let i = 0; i < shape[0]; i++, index++) {
        const [di, dj, dk] = [i - at[0], j - at[1], k - at[2]];
        const z = affine[8] * di + affine[9] * dj + affine[10] * dk;
        if (Math.abs(z) > reach) continue;
        const x = affine[0] * di + affine[1] * dj + affine[2] * dk;
        const y = affine[4] * di + affine[5] * dj + affine[6] * dk;
        const distanceMm = Math.hypot(x, y);
        const angle = Math.atan2(y, x);
        const ray = rays.reduce((sum, [count, start]) => sum + Math.cos(count * angle + start), 0) / 2;
        hu[index] += distanceMm < 3 ? 2500 : (strength * ray * 25) / (distanceMm + 15);
      }
}

/**
 * Separable Gaussian blur in place, deviations in voxels, edges repeated. Returns the factor by which it lowers
 * the deviation of white noise.
 */
export function blur(data: Float32Array, shape: Xyz, deviations: Xyz): number {
  let kept = 1;
  let stride = 1;
  for (let axis = 0; axis < 3; axis++) {
    const length = shape[axis];
    const kernel = gaussian(deviations[axis]);
    if (kernel.length > 1) {
      kept *= Math.hypot(...kernel);
      blurAxis(data, length, stride, kernel);
    }
    stride *= length;
  }
  return kept;
}

function gaussian(deviation: number): Float64Array {
  const half = Math.min(8, Math.floor(2.5 * deviation + 0.5));
  const kernel = Float64Array.from({ length: 2 * half + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - half) / Math.max(deviation, 1e-3)) ** 2),
  );
  const sum = kernel.reduce((a, b) => a + b);
  return kernel.map((value) => value / sum);
}

function blurAxis(data: Float32Array, length: number, stride: number, kernel: Float64Array): void {
  const half = (kernel.length - 1) / 2;
  const line = new Float64Array(length + 2 * half);
  const block = stride * length;
  for (let start = 0; start < data.length; start++) {
    // Visit the first element of every line along the axis.
    if (start % block >= stride) {
      start += block - stride - 1;
      continue;
    }
    for (let i = 0; i < line.length; i++) line[i] = data[start + stride * clamp(i - half, 0, length - 1)];
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k] * line[i + k];
      data[start + stride * i] = sum;
    }
  }
}
