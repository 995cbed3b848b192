/**
 * Mean and 1/√(var + ε) of each (n, c) from the moments of strips of voxels: joined as in Chan et al. 1979, which keeps
 * f32 exact enough, in a fixed order.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const EPSILON = 1e-5;

/** The number of a strip's moments: count, mean, sum of squared deviations. */
export const MOMENTS = 3;

/** Writes `stats`, f32 [N, C, 2], from `moments`, f32 [N, strips, C, 3]. */
export function joinMoments(gpu: Gpu, moments: Tensor, stats: Tensor): Launch {
  const [batch, strips, channels] = moments.shape as [number, number, number, number];
  return prepare(gpu, {
    name: 'instanceNorm.join',
    read: { shares: moments },
    write: { stats },
    ...join({
      strips,
      batch,
      channels,
      type: 'vec3<f32>',
      values: MOMENTS,
      zero: 'vec3<f32>(0)',
      load: 'vec3(shares[at], shares[at + 1u], shares[at + 2u])',
      add: 'merge(total, part)',
      store: `stats[nc * 2u] = total.y; stats[nc * 2u + 1u] = inverseSqrt(total.z / total.x + ${EPSILON});`,
      functions: MERGE,
    }),
  });
}

/** What is joined, and the WGSL of it. */
export interface Join {
  readonly strips: number;
  readonly batch: number;
  readonly channels: number;
  /** The type of a total, the number of values of `shares` that make one, and its zero. */
  readonly type: string;
  readonly values: number;
  readonly zero: string;
  /** The term of the values from `at` on. */
  readonly load: string;
  /** The sum of `total` and `part`. */
  readonly add: string;
  /** The statements that write instance `nc`'s `total`. */
  readonly store: string;
  readonly functions?: string;
}

/**
 * The code, parameters and size of a kernel that joins the strips of each (n, c): lane by lane, then pairwise. A workgroup
 * takes several instances where their strips are few.
 */
export function join({
  strips,
  batch,
  channels,
  type,
  values,
  zero,
  load,
  add,
  store,
  functions = '',
}: Join) {
  const workgroupSize = strips > 1024 ? 256 : 64;
  const lanes = Math.min(workgroupSize, 2 ** Math.ceil(Math.log2(strips)));
  const instances = batch * channels;
  const code = `${functions}
var<workgroup> lanes: array<${type}, ${workgroupSize}>;
@compute @workgroup_size(${workgroupSize}) fn main(id: Id) {
  let lane = id.lane % p.lanes;
  let nc = min(invocation(id) / p.lanes, p.instances - 1u); // no early return: barriers want uniform control flow
  let n = nc / p.channels;
  let c = nc % p.channels;
  var total = ${zero};
  for (var s = lane; s < p.strips; s += p.lanes) {
    let at = ((n * p.strips + s) * p.channels + c) * ${values}u;
    let part = ${load};
    total = ${add};
  }
  lanes[id.lane] = total;
  for (var step = p.lanes / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let part = lanes[id.lane + step];
      total = ${add};
      lanes[id.lane] = total;
    }
  }
  if (lane == 0u) { ${store} }
}`;
  const params = {
    instances: u32(instances),
    channels: u32(channels),
    strips: u32(strips),
    lanes: u32(lanes),
  };
  return { code, params, workgroupSize, invocations: instances * lanes };
}

const MERGE = `
fn merge(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
  if (b.x == 0.0) { return a; }
  let n = a.x + b.x;
  let d = b.y - a.y;
  return vec3(n, a.y + d * b.x / n, a.z + b.z + d * d * a.x * b.x / n);
}`;
