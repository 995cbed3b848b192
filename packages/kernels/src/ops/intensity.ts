/**
 * Changes of an f32 image in place, point by point: the range that the network sees, brightness, contrast, gamma
 * curves, noise.
 */
import type { Gpu } from '../device.ts';
import { f32, joinWork, type KernelCall, type Launch, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges } from '../views.ts';
import { intensityStatistics } from './intensityStatistics.ts';
import { PHILOX } from './philox.ts';

/** For each range of the image: `body` for `i`, where `count` elements are bound as `v`, from element `p.first`. */
function eachRange(
  gpu: Gpu,
  name: string,
  image: Tensor,
  params: KernelCall['params'],
  body: string,
  { perInvocation = 1, read = {}, functions = '' }: Extras = {},
): Launch[] {
  const ranges = rowRanges(gpu, elementCount(image.shape), [{ tensor: image, rowElements: 1 }], 256);
  return ranges.map(([start, end]) =>
    prepare(gpu, {
      name,
      read,
      write: { v: { tensor: image, start, count: end - start } },
      params: { first: u32(start), count: u32(end - start), ...params },
      code: `${functions}
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id) * ${perInvocation}u;
  if (i >= p.count) { return; }
  ${body}
}`,
      invocations: Math.ceil((end - start) / perInvocation),
    }),
  );
}

interface Extras {
  readonly perInvocation?: number;
  readonly read?: KernelCall['read'];
  readonly functions?: string;
}

/** The intensities that become 0 and 1, such as HU of an abdominal CT. */
export interface IntensityRange {
  readonly low: number;
  readonly high: number;
  /** The value that intensities outside the range become: 0 (Gao 2022, to the letter), or that of the nearer end. */
  readonly outside: 'zero' | 'clip';
}

/** [low, high] → [0, 1], as MONAI's ScaleIntensityRange. */
export function scaleIntensityRange(
  gpu: Gpu,
  image: Tensor,
  { low, high, outside }: IntensityRange,
): Launch[] {
  return eachRange(
    gpu,
    'scaleIntensityRange',
    image,
    { low: f32(low), width: f32(high - low), clip: u32(outside === 'clip' ? 1 : 0) },
    `let x = (v[i] - p.low) / p.width;
  v[i] = select(select(0.0, clamp(x, 0.0, 1.0), p.clip == 1u), x, x >= 0.0 && x <= 1.0);`,
  );
}

/** image + offset */
export function shiftIntensity(gpu: Gpu, image: Tensor, offset: number): Launch[] {
  return eachRange(gpu, 'shiftIntensity', image, { offset: f32(offset) }, 'v[i] += p.offset;');
}

/** image + mean + std·N(0, 1); element i takes word i % 4 of Philox(counter i / 4, key). */
export function gaussianNoise(
  gpu: Gpu,
  image: Tensor,
  { mean, std, key }: { mean: number; std: number; key: readonly [number, number] },
): Launch[] {
  return eachRange(
    gpu,
    'gaussianNoise',
    image,
    { mean: f32(mean), spread: f32(std), key0: u32(key[0]), key1: u32(key[1]) },
    `let random = philox(vec4<u32>((p.first + i) / 4u, 0u, 0u, 0u), vec2<u32>(p.key0, p.key1));
  for (var k = 0u; k < min(4u, p.count - i); k++) { v[i + k] += p.mean + p.spread * normal(random[k]); }`,
    { perInvocation: 4, functions: PHILOX },
  );
}

/** image · factor */
export function scaleIntensity(gpu: Gpu, image: Tensor, factor: number): Launch[] {
  return eachRange(gpu, 'scaleIntensity', image, { factor: f32(factor) }, 'v[i] *= p.factor;');
}

/** mean + factor·(image − mean), within the image's own range. */
export function adjustContrast(gpu: Gpu, image: Tensor, factor: number): Work {
  const own = empty(gpu, [4]);
  const { launches, scratch } = intensityStatistics(gpu, image, own);
  const apply = eachRange(
    gpu,
    'adjustContrast',
    image,
    { factor: f32(factor) },
    'v[i] = clamp(own[2] + p.factor * (v[i] - own[2]), own[0], own[1]);',
    { read: { own } },
  );
  return { launches: [...launches, ...apply], scratch: [own, ...scratch] };
}

const EPSILON = 1e-7;

export interface Gamma {
  readonly exponent: number;
  /** Whether the curve runs down from the greatest value, instead of up from the least. */
  readonly inverted: boolean;
  /** Whether the image gets its mean and its deviation back. */
  readonly keepsStatistics: boolean;
}

/**
 * low + r·((x − low)/(r + 1e-7))^exponent over the image's own range low, high, r = high − low, as MONAI's
 * AdjustContrast; inverted high − r·((high − x)/(r + 1e-7))^exponent, as nnU-Net's on −x.
 */
export function gammaIntensity(
  gpu: Gpu,
  image: Tensor,
  { exponent, inverted, keepsStatistics }: Gamma,
): Work {
  const own = empty(gpu, [4]);
  const before = intensityStatistics(gpu, image, own);
  const apply = eachRange(
    gpu,
    'gammaIntensity',
    image,
    { exponent: f32(exponent), inverted: u32(inverted ? 1 : 0) },
    `let width = own[1] - own[0];
  let origin = select(own[0], own[1], p.inverted == 1u);
  let direction = select(1.0, -1.0, p.inverted == 1u);
  let share = max(0.0, direction * (v[i] - origin)) / (width + ${EPSILON});
  v[i] = origin + direction * width * pow(share, p.exponent);`,
    { read: { own } },
  );
  const work: Work = { launches: [...before.launches, ...apply], scratch: [own, ...before.scratch] };
  if (!keepsStatistics) return work;
  const changed = empty(gpu, [4]);
  const after = intensityStatistics(gpu, image, changed);
  const restore = eachRange(
    gpu,
    'gammaIntensity.restore',
    image,
    {},
    `v[i] = own[2] + (v[i] - changed[2]) * own[3] / (changed[3] + ${EPSILON});`,
    { read: { own, changed } },
  );
  return joinWork(work, after, { launches: restore, scratch: [changed] });
}
