/**
 * Least and greatest value, mean and standard deviation of an f32 image. Shares of 1024 elements, each with its
 * own mean, are joined in a fixed order (Chan, Golub, LeVeque 1979), so that no large sums are subtracted:
 *
 *   mean = Σ n·mean_s / Σ n     variance = (Σ M2_s + Σ n·(mean_s − mean)²) / Σ n
 */
import type { Gpu } from '../device.ts';
import { prepare, u32, type Work } from '../kernel.ts';
import { elementCount, empty, type Tensor } from '../tensor.ts';
import { rowRanges } from '../views.ts';

const STRIP = 1024;

/** The work that assigns `output`, f32 [4]: least and greatest value, mean, standard deviation. */
export function intensityStatistics(gpu: Gpu, image: Tensor, output: Tensor): Work {
  const count = elementCount(image.shape);
  const strips = Math.ceil(count / STRIP);
  const shares = empty(gpu, [strips, 4]);
  const launches = rowRanges(gpu, count, [{ tensor: image, rowElements: 1 }], STRIP).map(([start, end]) =>
    prepare(gpu, {
      name: 'intensityStatistics.strips',
      read: { v: { tensor: image, start, count: end - start } },
      write: { shares },
      params: { count: u32(end - start), firstStrip: u32(start / STRIP) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let first = invocation(id) * ${STRIP}u;
  if (first >= p.count) { return; }
  let end = min(p.count, first + ${STRIP}u);
  var low = v[first];
  var high = low;
  var sum = 0.0;
  for (var i = first; i < end; i++) {
    low = min(low, v[i]);
    high = max(high, v[i]);
    sum += v[i];
  }
  let mean = sum / f32(end - first);
  var squares = 0.0;
  for (var i = first; i < end; i++) { squares += (v[i] - mean) * (v[i] - mean); }
  let share = (p.firstStrip + invocation(id)) * 4u;
  shares[share] = low;
  shares[share + 1u] = high;
  shares[share + 2u] = mean;
  shares[share + 3u] = squares;
}`,
      invocations: Math.ceil((end - start) / STRIP),
    }),
  );
  const join = prepare(gpu, {
    name: 'intensityStatistics.join',
    read: { shares },
    write: { output },
    params: { strips: u32(strips), count: u32(count) },
    code: `
var<workgroup> lanes: array<vec4<f32>, 64>;
fn weight(s: u32) -> f32 { return f32(min(${STRIP}u, p.count - s * ${STRIP}u)) / f32(p.count); }
@compute @workgroup_size(64) fn main(id: Id) {
  var part = vec3<f32>(shares[0], shares[1], 0.0);
  for (var s = id.lane; s < p.strips; s += 64u) {
    part.x = min(part.x, shares[4u * s]);
    part.y = max(part.y, shares[4u * s + 1u]);
    part.z += weight(s) * shares[4u * s + 2u];
  }
  lanes[id.lane] = vec4<f32>(part, 0.0);
  workgroupBarrier();
  var mean = 0.0;
  for (var lane = 0u; lane < 64u; lane++) { mean += lanes[lane].z; }
  var variance = 0.0;
  for (var s = id.lane; s < p.strips; s += 64u) {
    let distance = shares[4u * s + 2u] - mean;
    variance += shares[4u * s + 3u] / f32(p.count) + weight(s) * distance * distance;
  }
  workgroupBarrier();
  lanes[id.lane] = vec4<f32>(part, variance);
  workgroupBarrier();
  if (id.lane > 0u) { return; }
  var all = lanes[0];
  for (var lane = 1u; lane < 64u; lane++) {
    all = vec4<f32>(min(all.x, lanes[lane].x), max(all.y, lanes[lane].y), all.z + lanes[lane].z, all.w + lanes[lane].w);
  }
  output[0] = all.x;
  output[1] = all.y;
  output[2] = mean;
  output[3] = sqrt(all.w);
}`,
    invocations: 64,
  });
  return { launches: [...launches, join], scratch: [shares] };
}
