/**
 * Whether any value of a tensor is NaN or infinite: flag = 1, else 0. WGSL lets a compiler assume that no float is,
 * so the bits are looked at: an exponent of ones.
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges } from '../views.ts';

/** The most workgroups of a launch, each of which leaves one word, and the invocations of each. */
const MOST_GROUPS = 1024;
const LANES = 64;

const anyOfGroup = (target: string) => `
  lanes[id.lane] = found;
  for (var step = ${LANES / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (id.lane < step) { lanes[id.lane] |= lanes[id.lane + step]; }
  }
  if (id.lane == 0u) { ${target} = lanes[0]; }`;

/** The work that sets the flag, u32 [1], for values in f32. */
export function nonFinite(gpu: Gpu, { values, flag }: { values: Tensor; flag: Tensor }): Work {
  const ranges = rowRanges(gpu, elementCount(values.shape), [{ tensor: values, rowElements: 1 }], 256);
  const groups = ranges.map(([start, end]) => Math.min(MOST_GROUPS, Math.ceil((end - start) / LANES)));
  const total = groups.reduce((a, b) => a + b);
  const found = empty(gpu, [total], 'u32');
  const launches = ranges.map(([start, end], i): Launch => {
    const first = groups.slice(0, i).reduce((a, b) => a + b, 0);
    return prepare(gpu, {
      name: 'nonFinite',
      read: { x: { tensor: values, start, count: end - start } },
      write: { words: found },
      params: { first: u32(first), groups: u32(groups[i]!) },
      code: `
var<workgroup> lanes: array<u32, ${LANES}>;
@compute @workgroup_size(${LANES}) fn main(id: Id) {
  var found = 0u;
  for (var i = invocation(id); i < arrayLength(&x); i += p.groups * ${LANES}u) {
    found |= u32((bitcast<u32>(x[i]) & 0x7f800000u) == 0x7f800000u);
  }
  ${anyOfGroup('words[p.first + groupIndex(id)]')}
}`,
      invocations: groups[i]! * LANES,
    });
  });
  const join = prepare(gpu, {
    name: 'nonFinite.join',
    read: { words: found },
    write: { flag },
    params: { count: u32(total) },
    code: `
var<workgroup> lanes: array<u32, ${LANES}>;
@compute @workgroup_size(${LANES}) fn main(id: Id) {
  var found = 0u;
  for (var i = id.lane; i < p.count; i += ${LANES}u) { found |= words[i]; }
  ${anyOfGroup('flag[0]')}
}`,
    invocations: LANES,
  });
  return { launches: [...launches, join], scratch: [found] };
}
