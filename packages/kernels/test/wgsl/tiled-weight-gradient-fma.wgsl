alias x_t = vec4<f32>;
@group(0) @binding(0) var<storage, read> x: array<x_t>;
alias g_t = vec4<f32>;
@group(0) @binding(1) var<storage, read> g: array<g_t>;
alias affine_t = vec4<f32>;
@group(0) @binding(2) var<storage, read> affine: array<affine_t>;
alias partial_t = f32;
@group(0) @binding(3) var<storage, read_write> partial: array<partial_t>;
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
  slope: f32,
  groups: u32,
  tilesA: u32,
  tilesB: u32
}
@group(0) @binding(4) var<uniform> p: Params;
const WORKGROUP = 48u;
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

var<workgroup> strip: array<vec4<f32>, 612>;
var<workgroup> centre: array<vec4<f32>, 96>;

fn gathered(at: u32, c: u32) -> vec4<f32> {
  return x[(at + c) / 4u];
}
fn central(at: u32, c: u32) -> vec4<f32> {
  return g[(at + c) / 4u];
}

fn normed(value: vec4<f32>, scale: vec4<f32>, offset: vec4<f32>) -> vec4<f32> {
  let z = fma(value, scale, offset);
  return max(z, p.slope * z);
}

struct Norm {
  lowScale: vec4<f32>,
  lowOffset: vec4<f32>
}

fn normAt(n: u32, c: u32) -> Norm {
  var norm: Norm;
  if (c < p.a) {
    norm.lowScale = vec4(affine[(n * p.a + c) / 2u].xz, affine[(n * p.a + c) / 2u + 1u].xz);
    norm.lowOffset = vec4(affine[(n * p.a + c) / 2u].yw, affine[(n * p.a + c) / 2u + 1u].yw);
  }
  return norm;
}
fn keepA(at: u32, raw: vec4<f32>, isInside: bool, norm: Norm) {
  strip[at] = select(vec4<f32>(0), vec4<f32>(normed(vec4<f32>(raw), norm.lowScale, norm.lowOffset)), isInside);
}

fn keepB(at: u32, raw: vec4<f32>, isInside: bool) {
  centre[at] = select(vec4<f32>(0), vec4<f32>(raw), isInside);
}

// The plane of the gathered tensor that tap td reads for a row of the centre, and the line that the first tap along H does.
fn planeOf(row: u32, td: i32) -> i32 {
  return (i32(row / p.height) + p.firstD) * p.strideD + p.baseD + td;
}
fn firstLine(row: u32) -> i32 {
  return i32(row % p.height * 2u) + p.baseH;
}

// Where along W the input of a slot lies; negative where that is outside.
fn inputW(slot: u32, w0: u32) -> i32 {
  let at = slot % 34u;
  let w = i32((w0 + at % 17u) * 2u + at / 17u) + p.baseW;
  return select(-1, w, w >= 0 && w < p.inWidth);
}

fn isInside(d: i32, h: i32, w: i32) -> bool {
  return d >= 0 && d < p.inDepth && h >= 0 && h < p.inHeight && w >= 0;
}

fn readA(d: i32, h: i32, w: i32, c: u32, isInside: bool) -> vec4<f32> {
  var raw = vec4<f32>(0);
  if (isInside) {
    raw = gathered(u32(p.inShift + ((d * p.inHeight + h) * p.inWidth + w) * i32(p.a)), c);
  }
  return raw;
}

fn readB(row: u32, w: u32, c: u32) -> vec4<f32> {
  var raw = vec4<f32>(0);
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

@compute @workgroup_size(48) fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = id.y * ids.x + id.x;
  if (group >= p.groups) {
    return;
  }
  let b0 = group % p.tilesB * 16u;
  let a0 = group / p.tilesB % p.tilesA * 16u;
  let td = i32(group / (p.tilesB * p.tilesA) % p.tapsD);
  let share = group / (p.tilesB * p.tilesA * p.tapsD);
  let th = lane / 16u;
  let vecA = lane % 16u / 4u;
  let vecB = lane % 4u;
  var sum0_0 = vec4<f32>(0);
  var sum0_1 = vec4<f32>(0);
  var sum0_2 = vec4<f32>(0);
  var sum0_3 = vec4<f32>(0);
  var sum1_0 = vec4<f32>(0);
  var sum1_1 = vec4<f32>(0);
  var sum1_2 = vec4<f32>(0);
  var sum1_3 = vec4<f32>(0);
  var sum2_0 = vec4<f32>(0);
  var sum2_1 = vec4<f32>(0);
  var sum2_2 = vec4<f32>(0);
  var sum2_3 = vec4<f32>(0);

  let cA = lane % 4u * 4u;
  let cB = lane % 4u * 4u;
  let norm = normAt(p.item, a0 + cA);
  var rawA0 = vec4<f32>(0);
  var isInside0 = false;
  var rawA1 = vec4<f32>(0);
  var isInside1 = false;
  var rawA2 = vec4<f32>(0);
  var isInside2 = false;
  var rawA3 = vec4<f32>(0);
  var isInside3 = false;
  var rawA4 = vec4<f32>(0);
  var isInside4 = false;
  var rawA5 = vec4<f32>(0);
  var isInside5 = false;
  var rawB0 = vec4<f32>(0);
  var rawB1 = vec4<f32>(0);

  let rowsPerShare = (p.rows + p.shares - 1u) / p.shares;
  let start = share * rowsPerShare;
  let end = min(p.rows, start + rowsPerShare);
  for (var w0 = 0u; w0 < p.width; w0 += 16u) {
    let inW0 = inputW((lane / 4u), w0);
    let inW1 = inputW((lane / 4u + 12u), w0);
    let inW2 = inputW((lane / 4u + 24u), w0);
    let inW3 = inputW((lane / 4u + 36u), w0);
    let inW4 = inputW((lane / 4u + 48u), w0);
    let inW5 = inputW((lane / 4u + 60u), w0);
    if (start < end) {
      let next = start;
      let h = firstLine(next) + 1;
      let d = planeOf(next, td);
      isInside0 = isInside(d, h + i32((lane / 4u) / 34u), inW0) && a0 + cA < p.a;
      rawA0 = readA(d, h + i32((lane / 4u) / 34u), inW0, a0 + cA, isInside0);
      isInside1 = isInside(d, h + i32((lane / 4u + 12u) / 34u), inW1) && a0 + cA < p.a;
      rawA1 = readA(d, h + i32((lane / 4u + 12u) / 34u), inW1, a0 + cA, isInside1);
      isInside2 = isInside(d, h + i32((lane / 4u + 24u) / 34u), inW2) && a0 + cA < p.a;
      rawA2 = readA(d, h + i32((lane / 4u + 24u) / 34u), inW2, a0 + cA, isInside2);
      isInside3 = isInside(d, h + i32((lane / 4u + 36u) / 34u), inW3) && a0 + cA < p.a;
      rawA3 = readA(d, h + i32((lane / 4u + 36u) / 34u), inW3, a0 + cA, isInside3);
      isInside4 = isInside(d, h + i32((lane / 4u + 48u) / 34u), inW4) && a0 + cA < p.a;
      rawA4 = readA(d, h + i32((lane / 4u + 48u) / 34u), inW4, a0 + cA, isInside4);
      isInside5 = isInside(d, h + i32((lane / 4u + 60u) / 34u), inW5) && a0 + cA < p.a;
      rawA5 = readA(d, h + i32((lane / 4u + 60u) / 34u), inW5, a0 + cA, isInside5);
      rawB0 = readB(next * p.width, w0 + (lane / 4u), b0 + cB);
      rawB1 = readB(next * p.width, w0 + (lane / 4u + 12u), b0 + cB);
    }
    for (var r = start; r < end; r++) {
      let first = r % p.height * 2u; // of the lines in the ring
      if (r == start || r % p.height == 0u) {
        workgroupBarrier();
        let h = firstLine(r);
        let d = planeOf(r, td);
        for (var i = lane; i < 136u; i += 48u) {
          let slot = i / 4u;
          let w = inputW(slot, w0);
          let isIn = isInside(d, h + i32(slot / 34u), w) && a0 + cA < p.a;
          keepA(ringAt(first, slot) + cA / 4u, readA(d, h + i32(slot / 34u), w, a0 + cA, isIn), isIn, norm);
        }
      }
      workgroupBarrier();
      keepA(ringAt(first + 1u, (lane / 4u)) + cA / 4u, rawA0, isInside0, norm);
      keepA(ringAt(first + 1u, (lane / 4u + 12u)) + cA / 4u, rawA1, isInside1, norm);
      keepA(ringAt(first + 1u, (lane / 4u + 24u)) + cA / 4u, rawA2, isInside2, norm);
      keepA(ringAt(first + 1u, (lane / 4u + 36u)) + cA / 4u, rawA3, isInside3, norm);
      keepA(ringAt(first + 1u, (lane / 4u + 48u)) + cA / 4u, rawA4, isInside4, norm);
      if ((lane / 4u + 60u) < 68u) {
        keepA(ringAt(first + 1u, (lane / 4u + 60u)) + cA / 4u, rawA5, isInside5, norm);
      }
      keepB((lane / 4u) * 6u + cB / 4u, rawB0, true);
      if ((lane / 4u + 12u) < 16u) {
        keepB((lane / 4u + 12u) * 6u + cB / 4u, rawB1, true);
      }
      workgroupBarrier();
      // The next row is on its way while this one is multiplied.
      if (r + 1u < end) {
        let next = r + 1u;
        let h = firstLine(next) + 1;
        let d = planeOf(next, td);
        isInside0 = isInside(d, h + i32((lane / 4u) / 34u), inW0) && a0 + cA < p.a;
        rawA0 = readA(d, h + i32((lane / 4u) / 34u), inW0, a0 + cA, isInside0);
        isInside1 = isInside(d, h + i32((lane / 4u + 12u) / 34u), inW1) && a0 + cA < p.a;
        rawA1 = readA(d, h + i32((lane / 4u + 12u) / 34u), inW1, a0 + cA, isInside1);
        isInside2 = isInside(d, h + i32((lane / 4u + 24u) / 34u), inW2) && a0 + cA < p.a;
        rawA2 = readA(d, h + i32((lane / 4u + 24u) / 34u), inW2, a0 + cA, isInside2);
        isInside3 = isInside(d, h + i32((lane / 4u + 36u) / 34u), inW3) && a0 + cA < p.a;
        rawA3 = readA(d, h + i32((lane / 4u + 36u) / 34u), inW3, a0 + cA, isInside3);
        isInside4 = isInside(d, h + i32((lane / 4u + 48u) / 34u), inW4) && a0 + cA < p.a;
        rawA4 = readA(d, h + i32((lane / 4u + 48u) / 34u), inW4, a0 + cA, isInside4);
        isInside5 = isInside(d, h + i32((lane / 4u + 60u) / 34u), inW5) && a0 + cA < p.a;
        rawA5 = readA(d, h + i32((lane / 4u + 60u) / 34u), inW5, a0 + cA, isInside5);
        rawB0 = readB(next * p.width, w0 + (lane / 4u), b0 + cB);
        rawB1 = readB(next * p.width, w0 + (lane / 4u + 12u), b0 + cB);
      }
      let line = (first + th) % 3u * 204u;
      for (var w = 0u; w < 16u; w++) {
        let b = centre[w * 6u + vecB];
        {
          let a = strip[line + (w + (0u % 2u * 17u + 0u / 2u)) * 6u + vecA];
          sum0_0 = fma(vec4(a[0]), b, sum0_0);
          sum0_1 = fma(vec4(a[1]), b, sum0_1);
          sum0_2 = fma(vec4(a[2]), b, sum0_2);
          sum0_3 = fma(vec4(a[3]), b, sum0_3);
        }
        {
          let a = strip[line + (w + (1u % 2u * 17u + 1u / 2u)) * 6u + vecA];
          sum1_0 = fma(vec4(a[0]), b, sum1_0);
          sum1_1 = fma(vec4(a[1]), b, sum1_1);
          sum1_2 = fma(vec4(a[2]), b, sum1_2);
          sum1_3 = fma(vec4(a[3]), b, sum1_3);
        }
        {
          let a = strip[line + (w + (2u % 2u * 17u + 2u / 2u)) * 6u + vecA];
          sum2_0 = fma(vec4(a[0]), b, sum2_0);
          sum2_1 = fma(vec4(a[1]), b, sum2_1);
          sum2_2 = fma(vec4(a[2]), b, sum2_2);
          sum2_3 = fma(vec4(a[3]), b, sum2_3);
        }
      }
    }
    workgroupBarrier();
  }
  var sums = array<vec4<f32>, 12>(sum0_0, sum0_1, sum0_2, sum0_3, sum1_0, sum1_1, sum1_2, sum1_3, sum2_0, sum2_1, sum2_2, sum2_3);
  let firstTap = (u32(td) * 3u + th) * 3u;
  for (var i = 0u; i < 48u; i++) {
    put(share, firstTap + i / 16u, a0 + vecA * 4u + i / 4u % 4u, b0 + vecB * 4u + i % 4u, sums[i / 4u][i % 4u]);
  }
}
