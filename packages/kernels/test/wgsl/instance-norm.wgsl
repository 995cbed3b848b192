alias x_t = vec4<f32>;
@group(0) @binding(0) var<storage, read> x: array<x_t>;
alias stats_t = f32;
@group(0) @binding(1) var<storage, read> stats: array<stats_t>;
alias weight_t = f32;
@group(0) @binding(2) var<storage, read> weight: array<weight_t>;
alias bias_t = f32;
@group(0) @binding(3) var<storage, read> bias: array<bias_t>;
alias y_t = vec4<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<y_t>;
struct Params {
  channels: u32,
  voxels: u32,
  shift: u32,
  n: u32,
  slope: f32
}
@group(0) @binding(5) var<uniform> p: Params;
const WORKGROUP = 64u;
struct Id {
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
}
fn groupIndex(id: Id) -> u32 {
  return id.group.y * id.groups.x + id.group.x;
}
fn invocation(id: Id) -> u32 {
  return groupIndex(id) * WORKGROUP + id.lane;
}

@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let step = p.channels / 4u;
  let c = i % step * 4u;
  let strip = i / step;
  let first = strip * 16u;
  if (first >= p.voxels) {
    return;
  }
  let last = min(p.voxels, first + 16u);
  var at = (p.shift + first * p.channels + c) / 4u;
  let s = (p.n * p.channels + c) * 2u;
  let scale = vec4<f32>(weight[c + 0u] * stats[s + 1u], weight[c + 1u] * stats[s + 3u], weight[c + 2u] * stats[s + 5u], weight[c + 3u] * stats[s + 7u]);
  let offset = vec4<f32>(bias[c + 0u], bias[c + 1u], bias[c + 2u], bias[c + 3u]) - vec4<f32>(stats[s + 0u], stats[s + 2u], stats[s + 4u], stats[s + 6u]) * scale
    ;
  for (var v = first; v < last; v++) {
    let z = vec4<f32>(x[at]) * scale + offset;
    y[at] = y_t(select(z * p.slope, z, z > vec4<f32>(0)));
    at += step;
  }
}
