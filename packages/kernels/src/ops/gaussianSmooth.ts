/**
 * Gaussian smoothing of an f32 volume, axis by axis, with zeros outside, as MONAI's GaussianFilter.
 *
 *   weight[k] = ½·(erf((k + ½)/(σ√2)) − erf((k − ½)/(σ√2))),  |k| ≤ max(1, ⌊4σ + ½⌋)
 */
import type { Dhw } from '../axes.ts';
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, fromArray, type Tensor } from '../tensor.ts';
import { viewElements, viewOf } from '../views.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

/** The work that smooths an image [D, H, W] in place; `sigmas` are standard deviations in voxels, each above 0. */
export function gaussianSmooth(gpu: Gpu, image: Tensor, sigmas: Dhw): Work {
  const [, height, width] = image.shape as [number, number, number];
  const strides = [height * width, width, 1];
  // Three passes there and back end in a third tensor; a fourth copies.
  const other = empty(gpu, image.shape);
  const scratch = [other];
  const launches: Launch[] = [];
  const pass = (input: Tensor, output: Tensor, axis: number, weights: readonly number[]) => {
    const table = fromArray(gpu, Float32Array.from(weights), [weights.length]);
    scratch.push(table);
    launches.push(...filter(gpu, input, output, image.shape[axis]!, strides[axis]!, table));
  };
  pass(image, other, 0, gaussianWeights(sigmas[0]));
  pass(other, image, 1, gaussianWeights(sigmas[1]));
  pass(image, other, 2, gaussianWeights(sigmas[2]));
  pass(other, image, 2, [1]);
  return { launches, scratch };
}

/** The weights of the filter: an odd number of them, symmetric about the middle. */
export function gaussianWeights(sigma: number): number[] {
  const radius = Math.max(1, Math.floor(4 * sigma + 0.5));
  const edge = (x: number) => erf(x / (sigma * Math.SQRT2));
  return Array.from(
    { length: 2 * radius + 1 },
    (_, i) => (edge(i - radius + 0.5) - edge(i - radius - 0.5)) / 2,
  );
}

/** The error function by its series, to 1e-14. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let term = a;
  let sum = a;
  for (let n = 1; n < 200; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * Math.exp(-a * a) * sum) / Math.sqrt(Math.PI);
}

/** The launches that smooth along one axis of `size` voxels, which lie `stride` elements apart. */
function filter(
  gpu: Gpu,
  input: Tensor,
  output: Tensor,
  size: number,
  stride: number,
  weights: Tensor,
): Launch[] {
  const radius = (elementCount(weights.shape) - 1) / 2;
  const count = elementCount(input.shape);
  const halo = radius * stride;
  const most = Math.floor((viewElements(gpu, input) - 2 * halo) / 256) * 256;
  if (most < 256) throw new Error(`gaussianSmooth: [${input.shape}] is too large for one binding`);
  const launches: Launch[] = [];
  for (let start = 0; start < count; start += most) {
    const end = Math.min(count, start + most);
    const x = viewOf(input, Math.max(0, start - halo), Math.min(count, end + halo));
    launches.push(
      prepare(gpu, {
        name: 'gaussianSmooth',
        read: { x, weights },
        write: { y: { tensor: output, start, count: end - start } },
        params: {
          first: u32(start),
          count: u32(end - start),
          begin: u32(x.start),
          size: u32(size),
          stride: u32(stride),
          radius: u32(radius),
        },
        code: mapElements(`
    let voxel = p.first + i;
    let at = (voxel / p.stride) % p.size;
    var sum = 0.0;
    for (var k = 0u; k <= 2u * p.radius; k++) {
      let source = at + k - p.radius; // wraps below 0, and is then not below the size
      if (source < p.size) { sum += weights[k] * x[voxel + k * p.stride - p.radius * p.stride - p.begin]; }
    }
    y[i] = sum;`),
        invocations: mapInvocations(end - start),
      }),
    );
  }
  return launches;
}
