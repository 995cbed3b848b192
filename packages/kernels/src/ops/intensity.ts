/**
 * Point by point changes of an f32 image, in place: the intensity window, a shift, a gamma curve, noise.
 */
import type { Gpu } from '../device.ts';
import { f32, type KernelCall, type Launch, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges } from '../windows.ts';
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

export interface IntensityWindow {
  /** Mapped to 0 and 1. */
  readonly low: number;
  readonly high: number;
  /** What becomes of values outside: 0 (Gao 2022, to the letter), or the nearer end. */
  readonly outside: 'zero' | 'clip';
}

/** [low, high] → [0, 1]. */
export function windowIntensity(gpu: Gpu, image: Tensor, { low, high, outside }: IntensityWindow): Launch[] {
  return eachRange(
    gpu,
    'windowIntensity',
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

const STRIP = 1024;
const EPSILON = 1e-7;

/** ((x − min)/(max − min + 1e-7))^gamma·(max − min) + min over the image's own range, as MONAI's AdjustContrast. */
export function gammaIntensity(gpu: Gpu, image: Tensor, gamma: number): Work {
  const count = elementCount(image.shape);
  const strips = Math.ceil(count / STRIP);
  const shares = empty(gpu, [strips, 2]);
  const range = empty(gpu, [2]);
  const ranges = rowRanges(gpu, count, [{ tensor: image, rowElements: 1 }], STRIP);
  const launches = ranges.map(([start, end]) =>
    prepare(gpu, {
      name: 'gammaIntensity.range',
      read: { v: { tensor: image, start, count: end - start } },
      write: { shares },
      params: { count: u32(end - start), firstStrip: u32(start / STRIP) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let first = invocation(id) * ${STRIP}u;
  if (first >= p.count) { return; }
  var low = v[first];
  var high = low;
  for (var i = first; i < min(p.count, first + ${STRIP}u); i++) {
    low = min(low, v[i]);
    high = max(high, v[i]);
  }
  let share = (p.firstStrip + invocation(id)) * 2u;
  shares[share] = low;
  shares[share + 1u] = high;
}`,
      invocations: Math.ceil((end - start) / STRIP),
    }),
  );
  const join = prepare(gpu, {
    name: 'gammaIntensity.join',
    read: { shares },
    write: { range },
    params: { strips: u32(strips) },
    code: `
@compute @workgroup_size(1) fn main(id: Id) {
  var low = shares[0];
  var high = shares[1];
  for (var s = 1u; s < p.strips; s++) {
    low = min(low, shares[2u * s]);
    high = max(high, shares[2u * s + 1u]);
  }
  range[0] = low;
  range[1] = high;
}`,
    workgroupSize: 1,
    invocations: 1,
  });
  const apply = eachRange(
    gpu,
    'gammaIntensity',
    image,
    { gamma: f32(gamma) },
    `let width = range[1] - range[0];
  v[i] = pow((v[i] - range[0]) / (width + ${EPSILON}), p.gamma) * width + range[0];`,
    { read: { range } },
  );
  return { launches: [...launches, join, ...apply], scratch: [shares, range] };
}
