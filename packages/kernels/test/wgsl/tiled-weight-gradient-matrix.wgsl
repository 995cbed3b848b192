diagnostic(off, chromium.subgroup_matrix_uniformity);
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
alias x_t = vec4<u32>;
@group(0) @binding(0) var<storage, read> x: array<x_t>;
alias g_t = vec4<u32>;
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
  groups: u32,
  tilesA: u32,
  tilesB: u32
}
@group(0) @binding(3) var<uniform> p: Params;
const WORKGROUP = 192u;
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

var<workgroup> strip: array<vec4<f16>, 612>;
var<workgroup> centre: array<vec4<f16>, 320>;
var<workgroup> staged: array<vec4<f32>, 384>;

fn gathered(at: u32, c: u32) -> vec4<u32> {
  return x[(at + c) / 8u];
}
fn central(at: u32, c: u32) -> vec4<u32> {
  return g[(at + c) / 8u];
}

fn keepA(at: u32, raw: vec4<u32>, isInside: bool) {
  strip[at] = select(vec4<f16>(0), vec4<f16>(bitcast<vec4<f16>>(raw.xy)), isInside);
  strip[at + 1u] = select(vec4<f16>(0), vec4<f16>(bitcast<vec4<f16>>(raw.zw)), isInside);
}

fn keepB(at: u32, raw: vec4<u32>, isInside: bool) {
  centre[at] = select(vec4<f16>(0), vec4<f16>(bitcast<vec4<f16>>(raw.xy)), isInside);
  centre[at + 1u] = select(vec4<f16>(0), vec4<f16>(bitcast<vec4<f16>>(raw.zw)), isInside);
}

// The plane of the gathered tensor that tap td reads for a row of the centre, and the line that the first tap along H does.
fn planeOf(row: u32, td: i32) -> i32 {
  return (i32(row / p.height) + p.firstD) * p.strideD + p.baseD + td;
}
fn firstLine(row: u32) -> i32 {
  return i32(row % p.height) + p.baseH;
}

// Where along W the input of a slot lies; negative where that is outside.
fn inputW(slot: u32, w0: u32) -> i32 {
  let at = slot % 34u;
  let w = i32(w0 + at) + p.baseW;
  return select(-1, w, w >= 0 && w < p.inWidth);
}

fn isInside(d: i32, h: i32, w: i32) -> bool {
  return d >= 0 && d < p.inDepth && h >= 0 && h < p.inHeight && w >= 0;
}

fn readA(d: i32, h: i32, w: i32, c: u32, isInside: bool) -> vec4<u32> {
  var raw = vec4<u32>(0);
  if (isInside) {
    raw = gathered(u32(p.inShift + ((d * p.inHeight + h) * p.inWidth + w) * i32(p.a)), c);
  }
  return raw;
}

fn readB(row: u32, w: u32, c: u32) -> vec4<u32> {
  var raw = vec4<u32>(0);
  if (w < p.width && c < p.b) {
    raw = central(p.shift + (row + w) * p.b, c);
  }
  return raw;
}

// The vec4 of `strip` where a slot's voxel begins: lines follow each other in a ring.
fn ringAt(firstLine: u32, slot: u32) -> u32 {
  return ((firstLine + slot / 34u) % 3u * 34u + slot % 34u) * 6u;
}

// Writes one weight of a share.
fn put(share: u32, tap: u32, a: u32, b: u32, sum: f32) {
  if (a >= p.a || b >= p.b) {
    return;
  }
  let taps = p.tapsD * 9u;
  partial[(((p.firstShare + share) * p.b + b) * p.aTotal + p.firstA + a) * taps + tap] = sum;
}

// Writes a fragment of the weights from channels a and b on: the sum of what the subgroups that shared its voxels staged.
fn putFragment(share: u32, tap: u32, a: u32, b: u32, subgroup: u32, lane: u32) {
  for (var i = lane % 32u; i < 256u; i += 32u) {
    var sum = 0.0;
    for (var s = 0u; s < 2u; s++) {
      sum += staged[(subgroup + s) * 64u + i / 4u][i % 4u];
    }
    put(share, tap, a + i / 16u, b + i % 16u, sum);
  }
}

@compute @workgroup_size(192) fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = id.y * ids.x + id.x;
  if (group >= p.groups) {
    return;
  }
  let b0 = group % p.tilesB * 32u;
  let a0 = group / p.tilesB % p.tilesA * 16u;
  let td = i32(group / (p.tilesB * p.tilesA) % p.tapsD);
  let share = group / (p.tilesB * p.tilesA * p.tapsD);
  let subgroup = lane / 32u;
  let th = subgroup / 2u;
  let part = subgroup % 2u;
  let fragmentB = subgroup % 2u % 1u * 2u;
  let fragmentA = subgroup % 2u % 1u;
  var sum0_0_0: subgroup_matrix_result<f32, 16, 16>;
  var sum0_0_1: subgroup_matrix_result<f32, 16, 16>;
  var sum1_0_0: subgroup_matrix_result<f32, 16, 16>;
  var sum1_0_1: subgroup_matrix_result<f32, 16, 16>;
  var sum2_0_0: subgroup_matrix_result<f32, 16, 16>;
  var sum2_0_1: subgroup_matrix_result<f32, 16, 16>;

  let cA = lane % 2u * 8u;
  let cB = lane % 4u * 8u;
  var rawA0 = vec4<u32>(0);
  var isInside0 = false;
  var rawB0 = vec4<u32>(0);

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  let start = share * rowsPerShare;
  let end = min(p.rows, start + rowsPerShare);
  for (var w0 = 0u; w0 < p.width; w0 += 32u) {
    let inW0 = inputW((lane / 2u), w0);
    if (start < end) {
      let next = start;
      let h = firstLine(next) + 2;
      let d = planeOf(next, td);
      isInside0 = isInside(d, h + i32((lane / 2u) / 34u), inW0) && a0 + cA < p.a;
      rawA0 = readA(d, h + i32((lane / 2u) / 34u), inW0, a0 + cA, isInside0);
      rawB0 = readB(next * p.width, w0 + (lane / 4u), b0 + cB);
    }
    for (var r = start; r < end; r++) {
      let first = r % p.height; // of the lines in the ring
      if (r == start || r % p.height == 0u) {
        workgroupBarrier();
        let h = firstLine(r);
        let d = planeOf(r, td);
        for (var i = lane; i < 136u; i += 192u) {
          let slot = i / 2u;
          let w = inputW(slot, w0);
          let isIn = isInside(d, h + i32(slot / 34u), w) && a0 + cA < p.a;
          keepA(ringAt(first, slot) + cA / 4u, readA(d, h + i32(slot / 34u), w, a0 + cA, isIn), isIn);
        }
      }
      workgroupBarrier();
      if ((lane / 2u) < 34u) {
        keepA(ringAt(first + 2u, (lane / 2u)) + cA / 4u, rawA0, isInside0);
      }
      if ((lane / 4u) < 32u) {
        keepB((lane / 4u) * 10u + cB / 4u, rawB0, true);
      }
      workgroupBarrier();
      // The next row is on its way while this one is multiplied.
      if (r + 1u < end) {
        let next = r + 1u;
        let h = firstLine(next) + 2;
        let d = planeOf(next, td);
        isInside0 = isInside(d, h + i32((lane / 2u) / 34u), inW0) && a0 + cA < p.a;
        rawA0 = readA(d, h + i32((lane / 2u) / 34u), inW0, a0 + cA, isInside0);
        rawB0 = readB(next * p.width, w0 + (lane / 4u), b0 + cB);
      }
      let line = (first + th) % 3u * 204u;
      for (var k = part; k < 2u; k += 2u) {
        let right0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&centre, k * 160u + fragmentB * 4u, 10u);
        let right1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&centre, k * 160u + (fragmentB + 1u) * 4u, 10u);
        {
          let left0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, col_major>(&strip, line + (k * 16u + 0u) * 6u + fragmentA * 4u, 6u);
          sum0_0_0 = subgroupMatrixMultiplyAccumulate(left0, right0, sum0_0_0);
          sum0_0_1 = subgroupMatrixMultiplyAccumulate(left0, right1, sum0_0_1);
        }
        {
          let left0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, col_major>(&strip, line + (k * 16u + 1u) * 6u + fragmentA * 4u, 6u);
          sum1_0_0 = subgroupMatrixMultiplyAccumulate(left0, right0, sum1_0_0);
          sum1_0_1 = subgroupMatrixMultiplyAccumulate(left0, right1, sum1_0_1);
        }
        {
          let left0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, col_major>(&strip, line + (k * 16u + 2u) * 6u + fragmentA * 4u, 6u);
          sum2_0_0 = subgroupMatrixMultiplyAccumulate(left0, right0, sum2_0_0);
          sum2_0_1 = subgroupMatrixMultiplyAccumulate(left0, right1, sum2_0_1);
        }
      }
    }
    workgroupBarrier();
  }
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, subgroup * 64u, sum0_0_0, 4u);
  workgroupBarrier();
  if (part == 0u) {
    putFragment(share, (u32(td) * 3u + th) * 3u + 0u, a0 + fragmentA * 16u, b0 + fragmentB * 16u, subgroup, lane);
  }
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, subgroup * 64u, sum0_0_1, 4u);
  workgroupBarrier();
  if (part == 0u) {
    putFragment(share, (u32(td) * 3u + th) * 3u + 0u, a0 + fragmentA * 16u, b0 + (fragmentB + 1u) * 16u, subgroup, lane);
  }
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, subgroup * 64u, sum1_0_0, 4u);
  workgroupBarrier();
  if (part == 0u) {
    putFragment(share, (u32(td) * 3u + th) * 3u + 1u, a0 + fragmentA * 16u, b0 + fragmentB * 16u, subgroup, lane);
  }
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, subgroup * 64u, sum1_0_1, 4u);
  workgroupBarrier();
  if (part == 0u) {
    putFragment(share, (u32(td) * 3u + th) * 3u + 1u, a0 + fragmentA * 16u, b0 + (fragmentB + 1u) * 16u, subgroup, lane);
  }
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, subgroup * 64u, sum2_0_0, 4u);
  workgroupBarrier();
  if (part == 0u) {
    putFragment(share, (u32(td) * 3u + th) * 3u + 2u, a0 + fragmentA * 16u, b0 + fragmentB * 16u, subgroup, lane);
  }
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, subgroup * 64u, sum2_0_1, 4u);
  workgroupBarrier();
  if (part == 0u) {
    putFragment(share, (u32(td) * 3u + th) * 3u + 2u, a0 + fragmentA * 16u, b0 + (fragmentB + 1u) * 16u, subgroup, lane);
  }
}
