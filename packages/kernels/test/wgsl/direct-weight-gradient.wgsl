alias x_t = f32;
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
  blocksB: u32
}
@group(0) @binding(3) var<uniform> p: Params;
const WORKGROUP = 32u;
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

fn load(row: u32, w: i32, last: u32) -> f32 {
  if (w < 0 || w >= p.inWidth) {
    return f32(0);
  }
  let at = row + u32(w) * p.a;
  return f32(x[at]);
}

@compute @workgroup_size(32) fn main(id: Id) {
  let i = invocation(id);
  let blockB = i % p.blocksB;
  let blockA = (i / p.blocksB) % p.blocksA;
  let th = (i / (p.blocksB * p.blocksA)) % p.tapsH;
  let td = (i / (p.blocksB * p.blocksA * p.tapsH)) % p.tapsD;
  let share = i / (p.blocksB * p.blocksA * p.tapsH * p.tapsD);
  if (share >= p.shares) {
    return;
  }
  let a0 = blockA * 1u;
  let b0 = blockB * 8u;
  let lastA = p.a - 1u - a0;
  let lastB = p.b - 1u - b0;
  var sum0_0_0 = vec4<f32>(0);
  var sum0_0_1 = vec4<f32>(0);
  var sum0_0_2 = vec4<f32>(0);
  var sum0_1_0 = vec4<f32>(0);
  var sum0_1_1 = vec4<f32>(0);
  var sum0_1_2 = vec4<f32>(0);

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  let end = min(p.rows, (share + 1u) * rowsPerShare);
  for (var r = share * rowsPerShare; r < end; r++) {
    let h = i32(r % p.height) * p.strideH + p.baseH + i32(th);
    let d = (i32(r / p.height) + p.firstD) * p.strideD + p.baseD + i32(td);
    if (h < 0 || h >= p.inHeight || d < 0 || d >= p.inDepth) {
      continue;
    }
    let row = u32(p.inShift + (d * p.inHeight + h) * p.inWidth * i32(p.a)) + a0;
    var gRow = p.shift + r * p.width * p.b + b0;
    // The gathered values of the taps along W slide by the stride from voxel to voxel.
    var x0 = f32(0);
    var x1 = load(row, p.baseW + 0, lastA);
    var x2 = load(row, p.baseW + 1, lastA);
    for (var w = 0u; w < p.width; w++) {
      x0 = x1;
      x1 = x2;
      let at = i32(w) * 1 + p.baseW;
      x2 = load(row, at + 2, lastA);
      let g0 = vec4<f32>(g[(gRow + min(0u, lastB)) / 4u]);
      let g1 = vec4<f32>(g[(gRow + min(4u, lastB)) / 4u]);
      sum0_0_0 = fma(vec4<f32>(x0), g0, sum0_0_0);
      sum0_0_1 = fma(vec4<f32>(x1), g0, sum0_0_1);
      sum0_0_2 = fma(vec4<f32>(x2), g0, sum0_0_2);
      sum0_1_0 = fma(vec4<f32>(x0), g1, sum0_1_0);
      sum0_1_1 = fma(vec4<f32>(x1), g1, sum0_1_1);
      sum0_1_2 = fma(vec4<f32>(x2), g1, sum0_1_2);
      gRow += p.b;
    }
  }

  let taps = p.tapsD * p.tapsH * 3u;
  let first = (p.firstShare + share) * p.b * p.aTotal * taps + (td * p.tapsH + th) * 3u;
  var sums = array<vec4<f32>, 6>(sum0_0_0, sum0_0_1, sum0_0_2, sum0_1_0, sum0_1_1, sum0_1_2);
  // Loops whose ends the compiler does not know: unrolled, these stores would be most of its work.
  for (var k = 0u; k < min(1u, lastA + 1u); k++) {
    for (var c = 0u; c < min(8u, lastB + 1u); c++) {
      let at = first + ((b0 + c) * p.aTotal + p.firstA + a0 + k) * taps;
      for (var t = 0u; t < 3u; t++) {
        partial[at + t] = sums[(k * 2u + c / 4u) * 3u + t][c % 4u];
      }
    }
  }
}
