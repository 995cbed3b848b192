enable f16;
alias weight_t = f32;
@group(0) @binding(0) var<storage, read> weight: array<weight_t>;
alias packed_t = f16;
@group(0) @binding(1) var<storage, read_write> packed: array<packed_t>;
struct Params {
  count: u32,
  start: u32,
  width: u32,
  columns: u32,
  channels: u32,
  chunks: u32,
  firstIn: u32,
  firstOut: u32,
  endOut: u32,
  inStep: u32,
  outStep: u32,
  kernelH: u32,
  kernelW: u32,
  tapsH: u32,
  tapsW: u32,
  firstD: u32,
  firstH: u32,
  firstW: u32,
  stepD: u32,
  stepH: u32,
  stepW: u32,
  outStrideH: u32,
  outStrideW: u32,
  sets: u32
}
@group(0) @binding(2) var<uniform> p: Params;
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
  let first = groupIndex(id) * 1024u + id.lane;
  for (var i = first; i < min(p.count, first + 1024u); i += 64u) {
    let fragment = i / 256u;
    let row = fragment / (p.width / 16u) * 16u + i % 16u;
    let column = fragment % (p.width / 16u) * 16u + i / 16u % 16u;
    let outSet = column / p.columns;
    let co = p.firstOut + column % p.columns;
    let tap = row / 16u;
    let ci = tap / (p.tapsW * p.tapsH) % p.chunks * 16u + row % 16u;
    let offset = select(0u, 1u, p.sets > 1u) * vec3(outSet / (p.outStrideW * p.outStrideH), outSet / p.outStrideW % p.outStrideH, outSet % p.outStrideW);
    let tw = p.firstW + offset.z + tap % p.tapsW * p.stepW;
    let th = p.firstH + offset.y + tap / p.tapsW % p.tapsH * p.stepH;
    let td = p.firstD + offset.x + tap / (p.tapsW * p.tapsH * p.chunks) * p.stepD;
    let at = co * p.outStep + (p.firstIn + ci) * p.inStep + (td * p.kernelH + th) * p.kernelW + tw;
    packed[p.start + i] = packed_t(select(0.0, weight[min(at, arrayLength(&weight) - 1u)], co < p.endOut && ci < p.channels));
  }
}
