/**
 * Mean and 1/√(var + ε) of each (n, c) from the moments of strips of voxels: joined as in Chan et al. 1979, which keeps
 * f32 exact enough, in a fixed order.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const EPSILON = 1e-5;

/** Of a strip's moments: count, mean, sum of squared deviations. */
export const MOMENTS = 3;

/** `moments` is f32 [N, strips, C, 3], `stats` f32 [N, C, 2], written. */
export function joinMoments(gpu: Gpu, moments: Tensor, stats: Tensor): Launch {
  const [batch, strips, channels] = moments.shape as [number, number, number, number];
  return prepare(gpu, {
    name: 'instanceNorm.join',
    read: { shares: moments },
    write: { stats },
    params: { instances: u32(batch * channels), channels: u32(channels), strips: u32(strips) },
    code: JOIN_MOMENTS,
    invocations: batch * channels * 64,
  });
}

/** A workgroup joins the strips of one (n, c), `values` each: lane by lane, then pairwise. */
export const join = (
  type: string,
  values: number,
  { zero, load, add, store }: Record<'zero' | 'load' | 'add' | 'store', string>,
): string => `
var<workgroup> lanes: array<${type}, 64>;
@compute @workgroup_size(64) fn main(id: Id) {
  let nc = min(groupIndex(id), p.instances - 1u); // no early return: barriers want uniform control flow
  let n = nc / p.channels;
  let c = nc % p.channels;
  var total = ${zero};
  for (var s = id.lane; s < p.strips; s += 64u) {
    let at = ((n * p.strips + s) * p.channels + c) * ${values}u;
    let part = ${load};
    total = ${add};
  }
  lanes[id.lane] = total;
  for (var step = 32u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (id.lane < step) {
      let part = lanes[id.lane + step];
      total = ${add};
      lanes[id.lane] = total;
    }
  }
  if (id.lane == 0u) { ${store} }
}`;

const JOIN_MOMENTS = `
fn merge(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
  if (b.x == 0.0) { return a; }
  let n = a.x + b.x;
  let d = b.y - a.y;
  return vec3(n, a.y + d * b.x / n, a.z + b.z + d * d * a.x * b.x / n);
}
${join('vec3<f32>', MOMENTS, {
  zero: 'vec3<f32>(0)',
  load: 'vec3(shares[at], shares[at + 1u], shares[at + 2u])',
  add: 'merge(total, part)',
  store: `stats[nc * 2u] = total.y; stats[nc * 2u + 1u] = inverseSqrt(total.z / total.x + ${EPSILON});`,
})}`;
