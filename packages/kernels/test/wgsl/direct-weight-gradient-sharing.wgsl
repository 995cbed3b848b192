enable subgroups;
alias x_t = vec4<f32>;
@group(0) @binding(0) var<storage, read> x: array<x_t>;
alias g_t = vec4<f32>;
@group(0) @binding(1) var<storage, read> g: array<g_t>;
alias partial_t = f32;
@group(0) @binding(2) var<storage, read_write> partial: array<partial_t>;
struct Params {
  shares: u32,
  firstShare: u32,
  rows: u32,
  firstD: i32,
  height: u32,
  width: u32,
  inDepth: i32,
  inHeight: i32,
  inWidth: i32,
  inShift: i32,
  shift: u32,
  a: u32,
  b: u32,
  aTotal: u32,
  firstA: u32,
  tapsD: u32,
  tapsH: u32,
  strideD: i32,
  strideH: i32,
  baseD: i32,
  baseH: i32,
  baseW: i32,
  item: u32,
  blocksA: u32,
  blocksB: u32,
  groups: u32
}
@group(0) @binding(3) var<uniform> p: Params;
const WORKGROUP = 8u;
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

fn load(row: u32, w: i32, valid: bool) -> vec4<f32> {
  let value = vec4<f32>(x[(row + u32(clamp(w, 0, p.inWidth - 1)) * p.a) / 4u]);
  return select(vec4<f32>(0), value, valid && w >= 0 && w < p.inWidth);
}

@compute @workgroup_size(WORKGROUP) fn main(id: Id, @builtin(subgroup_invocation_id) subgroupLane: u32) {
  let share = groupIndex(id) / (p.groups * p.blocksB);
  let b0 = groupIndex(id) / p.groups % p.blocksB * 16u;
  let i = groupIndex(id) % p.groups * WORKGROUP + id.lane;
  let a0 = i % p.blocksA * 4u;
  let th = i / p.blocksA % p.tapsH;
  // Broadcasts want uniform control flow: what lies outside is computed on clamped places and dropped.
  let td = min(i / (p.blocksA * p.tapsH), p.tapsD - 1u);
  let lastB = p.b - 4u - b0;
  var sum0_0_0 = vec4<f32>(0);
  var sum0_0_1 = vec4<f32>(0);
  var sum0_0_2 = vec4<f32>(0);
  var sum0_1_0 = vec4<f32>(0);
  var sum0_1_1 = vec4<f32>(0);
  var sum0_1_2 = vec4<f32>(0);
  var sum0_2_0 = vec4<f32>(0);
  var sum0_2_1 = vec4<f32>(0);
  var sum0_2_2 = vec4<f32>(0);
  var sum0_3_0 = vec4<f32>(0);
  var sum0_3_1 = vec4<f32>(0);
  var sum0_3_2 = vec4<f32>(0);
  var sum1_0_0 = vec4<f32>(0);
  var sum1_0_1 = vec4<f32>(0);
  var sum1_0_2 = vec4<f32>(0);
  var sum1_1_0 = vec4<f32>(0);
  var sum1_1_1 = vec4<f32>(0);
  var sum1_1_2 = vec4<f32>(0);
  var sum1_2_0 = vec4<f32>(0);
  var sum1_2_1 = vec4<f32>(0);
  var sum1_2_2 = vec4<f32>(0);
  var sum1_3_0 = vec4<f32>(0);
  var sum1_3_1 = vec4<f32>(0);
  var sum1_3_2 = vec4<f32>(0);
  var sum2_0_0 = vec4<f32>(0);
  var sum2_0_1 = vec4<f32>(0);
  var sum2_0_2 = vec4<f32>(0);
  var sum2_1_0 = vec4<f32>(0);
  var sum2_1_1 = vec4<f32>(0);
  var sum2_1_2 = vec4<f32>(0);
  var sum2_2_0 = vec4<f32>(0);
  var sum2_2_1 = vec4<f32>(0);
  var sum2_2_2 = vec4<f32>(0);
  var sum2_3_0 = vec4<f32>(0);
  var sum2_3_1 = vec4<f32>(0);
  var sum2_3_2 = vec4<f32>(0);
  var sum3_0_0 = vec4<f32>(0);
  var sum3_0_1 = vec4<f32>(0);
  var sum3_0_2 = vec4<f32>(0);
  var sum3_1_0 = vec4<f32>(0);
  var sum3_1_1 = vec4<f32>(0);
  var sum3_1_2 = vec4<f32>(0);
  var sum3_2_0 = vec4<f32>(0);
  var sum3_2_1 = vec4<f32>(0);
  var sum3_2_2 = vec4<f32>(0);
  var sum3_3_0 = vec4<f32>(0);
  var sum3_3_1 = vec4<f32>(0);
  var sum3_3_2 = vec4<f32>(0);

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  for (var n = 0u; n < rowsPerShare; n++) {
    let r = min(share * rowsPerShare + n, p.rows - 1u);
    let h = i32(r % p.height) * p.strideH + p.baseH + i32(th);
    let d = (i32(r / p.height) + p.firstD) * p.strideD + p.baseD + i32(td);
    let valid = share * rowsPerShare + n < p.rows && h >= 0 && h < p.inHeight && d >= 0 && d < p.inDepth;
    let plane = clamp(d, 0, p.inDepth - 1) * p.inHeight + clamp(h, 0, p.inHeight - 1);
    let row = u32(p.inShift + plane * p.inWidth * i32(p.a)) + a0;
    // The voxel and the channels that this invocation reads for all.
    let mine = p.shift + r * p.width * p.b + subgroupLane / 4u % 2u * p.b + b0
      + min(subgroupLane % 4u * 4u, lastB);
    // The gathered values of the taps along W slide from step to step.
    var k0 = load(row, p.baseW + 0, valid);
    var k1 = load(row, p.baseW + 1, valid);
    for (var w = 0u; w < p.width; w += 2u) {
      let at = i32(w) * 1 + p.baseW;
      let x0 = k0;
      let x1 = k1;
      let x2 = load(row, at + 2, valid);
      let x3 = load(row, at + 3, valid);
      let read = vec4<f32>(g[(mine + w * p.b) / 4u]);
      let g0_0 = subgroupBroadcast(read, 0u);
      let g0_1 = subgroupBroadcast(read, 1u);
      let g0_2 = subgroupBroadcast(read, 2u);
      let g0_3 = subgroupBroadcast(read, 3u);
      let g1_0 = subgroupBroadcast(read, 4u);
      let g1_1 = subgroupBroadcast(read, 5u);
      let g1_2 = subgroupBroadcast(read, 6u);
      let g1_3 = subgroupBroadcast(read, 7u);
      sum0_0_0 = fma(vec4<f32>(x0[0]), g0_0, sum0_0_0);
      sum0_0_0 = fma(vec4<f32>(x1[0]), g1_0, sum0_0_0);
      sum0_0_1 = fma(vec4<f32>(x1[0]), g0_0, sum0_0_1);
      sum0_0_1 = fma(vec4<f32>(x2[0]), g1_0, sum0_0_1);
      sum0_0_2 = fma(vec4<f32>(x2[0]), g0_0, sum0_0_2);
      sum0_0_2 = fma(vec4<f32>(x3[0]), g1_0, sum0_0_2);
      sum0_1_0 = fma(vec4<f32>(x0[0]), g0_1, sum0_1_0);
      sum0_1_0 = fma(vec4<f32>(x1[0]), g1_1, sum0_1_0);
      sum0_1_1 = fma(vec4<f32>(x1[0]), g0_1, sum0_1_1);
      sum0_1_1 = fma(vec4<f32>(x2[0]), g1_1, sum0_1_1);
      sum0_1_2 = fma(vec4<f32>(x2[0]), g0_1, sum0_1_2);
      sum0_1_2 = fma(vec4<f32>(x3[0]), g1_1, sum0_1_2);
      sum0_2_0 = fma(vec4<f32>(x0[0]), g0_2, sum0_2_0);
      sum0_2_0 = fma(vec4<f32>(x1[0]), g1_2, sum0_2_0);
      sum0_2_1 = fma(vec4<f32>(x1[0]), g0_2, sum0_2_1);
      sum0_2_1 = fma(vec4<f32>(x2[0]), g1_2, sum0_2_1);
      sum0_2_2 = fma(vec4<f32>(x2[0]), g0_2, sum0_2_2);
      sum0_2_2 = fma(vec4<f32>(x3[0]), g1_2, sum0_2_2);
      sum0_3_0 = fma(vec4<f32>(x0[0]), g0_3, sum0_3_0);
      sum0_3_0 = fma(vec4<f32>(x1[0]), g1_3, sum0_3_0);
      sum0_3_1 = fma(vec4<f32>(x1[0]), g0_3, sum0_3_1);
      sum0_3_1 = fma(vec4<f32>(x2[0]), g1_3, sum0_3_1);
      sum0_3_2 = fma(vec4<f32>(x2[0]), g0_3, sum0_3_2);
      sum0_3_2 = fma(vec4<f32>(x3[0]), g1_3, sum0_3_2);
      sum1_0_0 = fma(vec4<f32>(x0[1]), g0_0, sum1_0_0);
      sum1_0_0 = fma(vec4<f32>(x1[1]), g1_0, sum1_0_0);
      sum1_0_1 = fma(vec4<f32>(x1[1]), g0_0, sum1_0_1);
      sum1_0_1 = fma(vec4<f32>(x2[1]), g1_0, sum1_0_1);
      sum1_0_2 = fma(vec4<f32>(x2[1]), g0_0, sum1_0_2);
      sum1_0_2 = fma(vec4<f32>(x3[1]), g1_0, sum1_0_2);
      sum1_1_0 = fma(vec4<f32>(x0[1]), g0_1, sum1_1_0);
      sum1_1_0 = fma(vec4<f32>(x1[1]), g1_1, sum1_1_0);
      sum1_1_1 = fma(vec4<f32>(x1[1]), g0_1, sum1_1_1);
      sum1_1_1 = fma(vec4<f32>(x2[1]), g1_1, sum1_1_1);
      sum1_1_2 = fma(vec4<f32>(x2[1]), g0_1, sum1_1_2);
      sum1_1_2 = fma(vec4<f32>(x3[1]), g1_1, sum1_1_2);
      sum1_2_0 = fma(vec4<f32>(x0[1]), g0_2, sum1_2_0);
      sum1_2_0 = fma(vec4<f32>(x1[1]), g1_2, sum1_2_0);
      sum1_2_1 = fma(vec4<f32>(x1[1]), g0_2, sum1_2_1);
      sum1_2_1 = fma(vec4<f32>(x2[1]), g1_2, sum1_2_1);
      sum1_2_2 = fma(vec4<f32>(x2[1]), g0_2, sum1_2_2);
      sum1_2_2 = fma(vec4<f32>(x3[1]), g1_2, sum1_2_2);
      sum1_3_0 = fma(vec4<f32>(x0[1]), g0_3, sum1_3_0);
      sum1_3_0 = fma(vec4<f32>(x1[1]), g1_3, sum1_3_0);
      sum1_3_1 = fma(vec4<f32>(x1[1]), g0_3, sum1_3_1);
      sum1_3_1 = fma(vec4<f32>(x2[1]), g1_3, sum1_3_1);
      sum1_3_2 = fma(vec4<f32>(x2[1]), g0_3, sum1_3_2);
      sum1_3_2 = fma(vec4<f32>(x3[1]), g1_3, sum1_3_2);
      sum2_0_0 = fma(vec4<f32>(x0[2]), g0_0, sum2_0_0);
      sum2_0_0 = fma(vec4<f32>(x1[2]), g1_0, sum2_0_0);
      sum2_0_1 = fma(vec4<f32>(x1[2]), g0_0, sum2_0_1);
      sum2_0_1 = fma(vec4<f32>(x2[2]), g1_0, sum2_0_1);
      sum2_0_2 = fma(vec4<f32>(x2[2]), g0_0, sum2_0_2);
      sum2_0_2 = fma(vec4<f32>(x3[2]), g1_0, sum2_0_2);
      sum2_1_0 = fma(vec4<f32>(x0[2]), g0_1, sum2_1_0);
      sum2_1_0 = fma(vec4<f32>(x1[2]), g1_1, sum2_1_0);
      sum2_1_1 = fma(vec4<f32>(x1[2]), g0_1, sum2_1_1);
      sum2_1_1 = fma(vec4<f32>(x2[2]), g1_1, sum2_1_1);
      sum2_1_2 = fma(vec4<f32>(x2[2]), g0_1, sum2_1_2);
      sum2_1_2 = fma(vec4<f32>(x3[2]), g1_1, sum2_1_2);
      sum2_2_0 = fma(vec4<f32>(x0[2]), g0_2, sum2_2_0);
      sum2_2_0 = fma(vec4<f32>(x1[2]), g1_2, sum2_2_0);
      sum2_2_1 = fma(vec4<f32>(x1[2]), g0_2, sum2_2_1);
      sum2_2_1 = fma(vec4<f32>(x2[2]), g1_2, sum2_2_1);
      sum2_2_2 = fma(vec4<f32>(x2[2]), g0_2, sum2_2_2);
      sum2_2_2 = fma(vec4<f32>(x3[2]), g1_2, sum2_2_2);
      sum2_3_0 = fma(vec4<f32>(x0[2]), g0_3, sum2_3_0);
      sum2_3_0 = fma(vec4<f32>(x1[2]), g1_3, sum2_3_0);
      sum2_3_1 = fma(vec4<f32>(x1[2]), g0_3, sum2_3_1);
      sum2_3_1 = fma(vec4<f32>(x2[2]), g1_3, sum2_3_1);
      sum2_3_2 = fma(vec4<f32>(x2[2]), g0_3, sum2_3_2);
      sum2_3_2 = fma(vec4<f32>(x3[2]), g1_3, sum2_3_2);
      sum3_0_0 = fma(vec4<f32>(x0[3]), g0_0, sum3_0_0);
      sum3_0_0 = fma(vec4<f32>(x1[3]), g1_0, sum3_0_0);
      sum3_0_1 = fma(vec4<f32>(x1[3]), g0_0, sum3_0_1);
      sum3_0_1 = fma(vec4<f32>(x2[3]), g1_0, sum3_0_1);
      sum3_0_2 = fma(vec4<f32>(x2[3]), g0_0, sum3_0_2);
      sum3_0_2 = fma(vec4<f32>(x3[3]), g1_0, sum3_0_2);
      sum3_1_0 = fma(vec4<f32>(x0[3]), g0_1, sum3_1_0);
      sum3_1_0 = fma(vec4<f32>(x1[3]), g1_1, sum3_1_0);
      sum3_1_1 = fma(vec4<f32>(x1[3]), g0_1, sum3_1_1);
      sum3_1_1 = fma(vec4<f32>(x2[3]), g1_1, sum3_1_1);
      sum3_1_2 = fma(vec4<f32>(x2[3]), g0_1, sum3_1_2);
      sum3_1_2 = fma(vec4<f32>(x3[3]), g1_1, sum3_1_2);
      sum3_2_0 = fma(vec4<f32>(x0[3]), g0_2, sum3_2_0);
      sum3_2_0 = fma(vec4<f32>(x1[3]), g1_2, sum3_2_0);
      sum3_2_1 = fma(vec4<f32>(x1[3]), g0_2, sum3_2_1);
      sum3_2_1 = fma(vec4<f32>(x2[3]), g1_2, sum3_2_1);
      sum3_2_2 = fma(vec4<f32>(x2[3]), g0_2, sum3_2_2);
      sum3_2_2 = fma(vec4<f32>(x3[3]), g1_2, sum3_2_2);
      sum3_3_0 = fma(vec4<f32>(x0[3]), g0_3, sum3_3_0);
      sum3_3_0 = fma(vec4<f32>(x1[3]), g1_3, sum3_3_0);
      sum3_3_1 = fma(vec4<f32>(x1[3]), g0_3, sum3_3_1);
      sum3_3_1 = fma(vec4<f32>(x2[3]), g1_3, sum3_3_1);
      sum3_3_2 = fma(vec4<f32>(x2[3]), g0_3, sum3_3_2);
      sum3_3_2 = fma(vec4<f32>(x3[3]), g1_3, sum3_3_2);
      k0 = x2;
      k1 = x3;
    }
  }
  if (share >= p.shares || i >= p.blocksA * p.tapsH * p.tapsD) {
    return;
  }

  let taps = p.tapsD * p.tapsH * 3u;
  let first = (p.firstShare + share) * p.b * p.aTotal * taps + (td * p.tapsH + th) * 3u;
  var sums = array<vec4<f32>, 48>(sum0_0_0, sum0_0_1, sum0_0_2, sum0_1_0, sum0_1_1, sum0_1_2, sum0_2_0, sum0_2_1, sum0_2_2, sum0_3_0, sum0_3_1, sum0_3_2, sum1_0_0, sum1_0_1, sum1_0_2, sum1_1_0, sum1_1_1, sum1_1_2, sum1_2_0, sum1_2_1, sum1_2_2, sum1_3_0, sum1_3_1, sum1_3_2, sum2_0_0, sum2_0_1, sum2_0_2, sum2_1_0, sum2_1_1, sum2_1_2, sum2_2_0, sum2_2_1, sum2_2_2, sum2_3_0, sum2_3_1, sum2_3_2, sum3_0_0, sum3_0_1, sum3_0_2, sum3_1_0, sum3_1_1, sum3_1_2, sum3_2_0, sum3_2_1, sum3_2_2, sum3_3_0, sum3_3_1, sum3_3_2);
  // Loops whose ends the compiler does not know: unrolled, these stores would be most of its work.
  for (var k = 0u; k < min(4u, p.a); k++) {
    for (var c = 0u; c < min(16u, p.b - b0); c++) {
      let at = first + ((b0 + c) * p.aTotal + p.firstA + a0 + k) * taps;
      for (var t = 0u; t < 3u; t++) {
        partial[at + t] = sums[(k * 4u + c / 4u) * 3u + t][c % 4u];
      }
    }
  }
}
