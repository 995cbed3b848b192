/** Twin of `ops/gaussianSmooth.ts`. The weights are integrals of the Gaussian, by Simpson's rule. */
import type { Dhw } from '../axes.ts';
import { type Reference, reference } from './array.ts';

function weight(k: number, sigma: number): number {
  const steps = 200;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const x = k - 0.5 + i / steps;
    sum += (i === 0 || i === steps ? 1 : i % 2 ? 4 : 2) * Math.exp(-(x * x) / (2 * sigma * sigma));
  }
  return sum / (3 * steps) / (sigma * Math.sqrt(2 * Math.PI));
}

export function gaussianSmooth(image: Reference, sigmas: Dhw): Reference {
  const [, H, W] = image.shape as [number, number, number];
  const strides = [H * W, W, 1];
  return sigmas.reduce((input, sigma, axis) => {
    const output = reference(input.shape);
    const radius = Math.max(1, Math.floor(4 * sigma + 0.5));
    const weights = Array.from({ length: 2 * radius + 1 }, (_, k) => weight(k - radius, sigma));
    output.data.forEach((_, i) => {
      const at = Math.floor(i / strides[axis]!) % image.shape[axis]!;
      for (let k = -radius; k <= radius; k++) {
        if (at + k < 0 || at + k >= image.shape[axis]!) continue;
        output.data[i]! += weights[k + radius]! * input.data[i + k * strides[axis]!]!;
      }
    });
    return output;
  }, image);
}
