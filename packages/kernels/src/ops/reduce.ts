/**
 * Sums over many voxels, in a fixed order whatever the adapter: shares of work first, then over the shares.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';
import { lanesOf, stripStart } from './strips.ts';

export interface SharesCall {
  /** f32: the shares one after another, each with as many elements as the output, or its part. */
  readonly shares: Tensor;
  /** The number of shares that are added up, from the first one on. */
  readonly count: number;
  readonly output: Tensor;
  /** The output's elements from here on are computed, as many as a share has; all of them where undefined. */
  readonly part?: { readonly first: number; readonly size: number } | undefined;
  /** f32 [C], where C is the output's last axis. */
  readonly bias?: Tensor | undefined;
  /** Whether the sum is added to the output, which is assigned otherwise. */
  readonly accumulate?: boolean | undefined;
}

/** WGSL: adds up the `sum` of a workgroup's lanes pairwise, into the first `columns` of `lanes`. */
const addLanes = (group: number, columns: number) => `lanes[id.lane] = sum;
  for (var step = ${group / 2}u; step >= ${columns}u; step /= 2u) {
    workgroupBarrier();
    if (id.lane < step) { lanes[id.lane] += lanes[id.lane + step]; }
  }`;

/** The least number of shares that each invocation adds up where several take part. */
const SHARES_EACH = 16;
const GROUP = 256;

/** output[i] (+)= bias[i mod C] + Σ_s shares[s, i], a few invocations of a workgroup for each i where the shares are many */
export function addShares(
  gpu: Gpu,
  name: string,
  { shares, count, output, part, bias, accumulate }: SharesCall,
): Launch {
  const size = part?.size ?? elementCount(output.shape);
  const place = part ? 'p.first + i' : 'i';
  const parts = Math.min(GROUP / 4, 2 ** Math.ceil(Math.log2(Math.max(1, count / SHARES_EACH))));
  const columns = GROUP / parts;
  return prepare(gpu, {
    name,
    read: { shares, ...(bias && { bias }) },
    write: { output },
    params: {
      size: u32(size),
      count: u32(count),
      channels: u32(output.shape.at(-1)!),
      ...(part && { first: u32(part.first) }),
    },
    code: `
${parts > 1 ? `var<workgroup> lanes: array<f32, ${GROUP}>;` : ''}
@compute @workgroup_size(${GROUP}) fn main(id: Id) {
  let i = groupIndex(id) * ${columns}u + id.lane % ${columns}u;
  var sum = 0.0;
  if (i < p.size) {
    for (var s = id.lane / ${columns}u; s < p.count; s += ${parts}u) { sum += shares[s * p.size + i]; }
  }
  ${parts > 1 ? addLanes(GROUP, columns) : ''}
  if (id.lane < ${columns}u && i < p.size) {
    ${parts > 1 ? 'sum = lanes[id.lane];' : ''}
    ${bias ? 'sum += bias[i % p.channels];' : ''}
    output[${place}] = output_t(${accumulate ? `f32(output[${place}]) + ` : ''}sum);
  }
}`,
    workgroupSize: GROUP,
    invocations: Math.ceil(size / columns) * GROUP,
  });
}

/** The number of voxels that an invocation sums. */
const STRIP = 512;

/** output[c] += Σ_voxels input[…, c]; the output is f32 [C]. */
export function channelSum(gpu: Gpu, name: string, input: Tensor, output: Tensor): Work {
  const channels = input.shape.at(-1)!;
  const { type, each, perChannel, component } = lanesOf(channels);
  const voxels = elementCount(input.shape) / channels;
  const strips = Math.ceil(voxels / STRIP);
  const shares = empty(gpu, [strips, channels]);
  const ranges = rowRanges(gpu, voxels, [{ tensor: input, rowElements: channels }], STRIP);
  const launches = ranges.map(([start, end]) => {
    const x = viewOf(input, start * channels, end * channels);
    return prepare(gpu, {
      name,
      read: { x: { ...x, vec4: each === 4 } },
      write: { shares },
      params: {
        channels: u32(channels),
        voxels: u32(end - start),
        shift: u32(x.shift),
        firstStrip: u32(start / STRIP),
      },
      code: `${stripStart(STRIP, each)}
  var sum = ${type}(0);
  for (var v = first; v < last; v++) {
    sum += ${type}(x[at]);
    at += step;
  }
  let share = (p.firstStrip + strip) * p.channels + c;
  ${perChannel((k) => `shares[share + ${k}u] = ${component('sum', k)};`).join(' ')}
}`,
      invocations: (Math.ceil((end - start) / STRIP) * channels) / each,
    });
  });
  const total = addShares(gpu, `${name}.sum`, { shares, count: strips, output, accumulate: true });
  return { launches: [...launches, total], scratch: [shares] };
}

/**
 * A kernel in which a workgroup of 64 sums `p.strips` shares: lane by lane, then pairwise. `share` is the term of share
 * s, `store` takes the total from lanes[0].
 */
export const sumOfShares = (share: string, store: string, before = ''): string => `
var<workgroup> lanes: array<f32, 64>;
@compute @workgroup_size(64) fn main(id: Id) {
  ${before}
  var sum = 0.0;
  for (var s = id.lane; s < p.strips; s += 64u) { sum += ${share}; }
  ${addLanes(64, 1)}
  if (id.lane == 0u) { ${store} }
}`;
