/**
 * Bounds the norm of all gradients together, as PyTorch's clip_grad_norm_, in place:
 *
 *   values = values · min(1, most / (‖values‖ + 1e-6))
 *
 * Squares are summed over strips, then over those in a fixed order.
 */
import type { Gpu } from '../device.ts';
import { f32, prepare, setParams, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges } from '../views.ts';
import { elementwise } from './elementwise.ts';
import { sumOfShares } from './reduce.ts';

const STRIP = 1024;

/** The work for f32 values, and the setter of its bound, which is 0 until then. */
export function clipNorm(gpu: Gpu, values: Tensor): Work & { setMost(most: number): void } {
  const count = elementCount(values.shape);
  const strips = Math.ceil(count / STRIP);
  const shares = empty(gpu, [strips]);
  const norm = empty(gpu, [1]);
  const ranges = rowRanges(gpu, count, [{ tensor: values, rowElements: 1 }], STRIP);
  const sums = ranges.map(([start, end]) =>
    prepare(gpu, {
      name: 'clipNorm.strips',
      read: { x: { tensor: values, start, count: end - start } },
      write: { shares },
      params: { count: u32(end - start), firstStrip: u32(start / STRIP) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let first = invocation(id) * ${STRIP}u;
  if (first >= p.count) { return; }
  var sum = 0.0;
  for (var i = first; i < min(p.count, first + ${STRIP}u); i++) { sum += x[i] * x[i]; }
  shares[p.firstStrip + invocation(id)] = sum;
}`,
      invocations: Math.ceil((end - start) / STRIP),
    }),
  );
  const join = prepare(gpu, {
    name: 'clipNorm.join',
    read: { shares },
    write: { norm },
    params: { strips: u32(strips) },
    code: sumOfShares('shares[s]', 'norm[0] = sqrt(lanes[0]);'),
    invocations: 64,
  });
  const params = (most: number) => ({ most: f32(most) });
  const apply = elementwise(gpu, {
    name: 'clipNorm',
    write: { x: values },
    whole: { norm },
    params: params(0),
    body: 'x[i] *= min(1.0, p.most / (norm[0] + 1e-6));',
  });
  return {
    launches: [...sums, join, ...apply],
    scratch: [shares, norm],
    setMost: (most) => {
      for (const launch of apply) setParams(gpu, launch, params(most));
    },
  };
}
