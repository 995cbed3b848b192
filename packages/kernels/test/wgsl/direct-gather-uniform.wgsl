enable subgroups;
alias x_t = f32;
@group(0) @binding(0) var<storage, read> x: array<x_t>;
alias bias_t = f32;
@group(0) @binding(1) var<storage, read> bias: array<bias_t>;
alias y_t = vec4<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<y_t>;
@group(0) @binding(3) var<uniform> w: array<vec4<f32>, 4096>;
struct Params {
  firstD: u32,
  countD: u32,
  countH: u32,
  countW: u32,
  tapsD: u32,
  tapsH: u32,
  baseD: i32,
  baseH: i32,
  baseW: i32,
  inStrideD: i32,
  inStrideH: i32,
  inDepth: i32,
  inHeight: i32,
  inWidth: i32,
  outStrideD: u32,
  outStrideH: u32,
  outStrideW: u32,
  outOffsetD: u32,
  outOffsetH: u32,
  outOffsetW: u32,
  outHeight: u32,
  outWidth: u32,
  outChannels: u32,
  inShift: i32,
  inStrideC: u32,
  inChannels: u32,
  outShift: i32,
  outChannel: u32,
  blockGroups: u32,
  outBlocks: u32,
  blockVec4s: u32,
  firstSet: u32,
  sets: u32,
  accumulate: u32,
  firstAffine: u32
}
@group(0) @binding(4) var<uniform> p: Params;
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

@compute @workgroup_size(WORKGROUP) fn main(id: Id, @builtin(subgroup_invocation_id) subgroupLane: u32) {
  let block = groupIndex(id) / p.blockGroups;
  let i = groupIndex(id) % p.blockGroups * WORKGROUP + id.lane;
  let groupsW = (p.countW + 7u) / 8u;
  let firstW = (i % groupsW) * 8u;
  let h = (i / groupsW) % p.countH;
  let d = i / (groupsW * p.countH) + p.firstD;
  let outChannel = p.outChannel + block % p.outBlocks * 16u;
  let outSet = p.firstSet + block / p.outBlocks;
  let outOffset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW) + select(0u, 1u, p.sets > 1u) * vec3(outSet / (p.outStrideW * p.outStrideH), outSet / p.outStrideW % p.outStrideH, outSet % p.outStrideW);

  let inW = i32(firstW) * 1 + p.baseW;
  let valid0 = inW + 0 >= 0 && inW + 0 < p.inWidth;
  let at0 = u32(clamp(inW + 0, 0, p.inWidth - 1)) * p.inStrideC;
  let valid1 = inW + 1 >= 0 && inW + 1 < p.inWidth;
  let at1 = u32(clamp(inW + 1, 0, p.inWidth - 1)) * p.inStrideC;
  let valid2 = inW + 2 >= 0 && inW + 2 < p.inWidth;
  let at2 = u32(clamp(inW + 2, 0, p.inWidth - 1)) * p.inStrideC;
  let valid3 = inW + 3 >= 0 && inW + 3 < p.inWidth;
  let at3 = u32(clamp(inW + 3, 0, p.inWidth - 1)) * p.inStrideC;
  let valid4 = inW + 4 >= 0 && inW + 4 < p.inWidth;
  let at4 = u32(clamp(inW + 4, 0, p.inWidth - 1)) * p.inStrideC;
  let valid5 = inW + 5 >= 0 && inW + 5 < p.inWidth;
  let at5 = u32(clamp(inW + 5, 0, p.inWidth - 1)) * p.inStrideC;
  let valid6 = inW + 6 >= 0 && inW + 6 < p.inWidth;
  let at6 = u32(clamp(inW + 6, 0, p.inWidth - 1)) * p.inStrideC;
  let valid7 = inW + 7 >= 0 && inW + 7 < p.inWidth;
  let at7 = u32(clamp(inW + 7, 0, p.inWidth - 1)) * p.inStrideC;
  let valid8 = inW + 8 >= 0 && inW + 8 < p.inWidth;
  let at8 = u32(clamp(inW + 8, 0, p.inWidth - 1)) * p.inStrideC;
  let valid9 = inW + 9 >= 0 && inW + 9 < p.inWidth;
  let at9 = u32(clamp(inW + 9, 0, p.inWidth - 1)) * p.inStrideC;
  var a0_0 = vec4<f32>(0);
  var a0_1 = vec4<f32>(0);
  var a0_2 = vec4<f32>(0);
  var a0_3 = vec4<f32>(0);
  var a1_0 = vec4<f32>(0);
  var a1_1 = vec4<f32>(0);
  var a1_2 = vec4<f32>(0);
  var a1_3 = vec4<f32>(0);
  var a2_0 = vec4<f32>(0);
  var a2_1 = vec4<f32>(0);
  var a2_2 = vec4<f32>(0);
  var a2_3 = vec4<f32>(0);
  var a3_0 = vec4<f32>(0);
  var a3_1 = vec4<f32>(0);
  var a3_2 = vec4<f32>(0);
  var a3_3 = vec4<f32>(0);
  var a4_0 = vec4<f32>(0);
  var a4_1 = vec4<f32>(0);
  var a4_2 = vec4<f32>(0);
  var a4_3 = vec4<f32>(0);
  var a5_0 = vec4<f32>(0);
  var a5_1 = vec4<f32>(0);
  var a5_2 = vec4<f32>(0);
  var a5_3 = vec4<f32>(0);
  var a6_0 = vec4<f32>(0);
  var a6_1 = vec4<f32>(0);
  var a6_2 = vec4<f32>(0);
  var a6_3 = vec4<f32>(0);
  var a7_0 = vec4<f32>(0);
  var a7_1 = vec4<f32>(0);
  var a7_2 = vec4<f32>(0);
  var a7_3 = vec4<f32>(0);

  for (var td = 0u; td < p.tapsD; td++) {
    let inD = i32(d) * p.inStrideD + p.baseD + i32(td);
    let rowD = clamp(inD, 0, p.inDepth - 1) * p.inHeight;
    for (var th = 0u; th < p.tapsH; th++) {
      let inH = i32(h) * p.inStrideH + p.baseH + i32(th);
      let valid = inD >= 0 && inD < p.inDepth && inH >= 0 && inH < p.inHeight;
      let row = u32(p.inShift + (rowD + clamp(inH, 0, p.inHeight - 1)) * p.inWidth * i32(p.inStrideC));
      let taps = block * p.blockVec4s + (td * p.tapsH + th) * p.inChannels * 12u;
      for (var ci = 0u; ci < p.inChannels; ci++) {
        let firstWeight = taps + ci * 12u;
        let k0 = w[firstWeight + min(subgroupLane + 0u, 11u)];
        let k1 = w[firstWeight + min(subgroupLane + 8u, 11u)];
        let x0 = select(0.0, f32(x[row + at0 + ci]), valid && valid0);
        let x1 = select(0.0, f32(x[row + at1 + ci]), valid && valid1);
        let x2 = select(0.0, f32(x[row + at2 + ci]), valid && valid2);
        let x3 = select(0.0, f32(x[row + at3 + ci]), valid && valid3);
        let x4 = select(0.0, f32(x[row + at4 + ci]), valid && valid4);
        let x5 = select(0.0, f32(x[row + at5 + ci]), valid && valid5);
        let x6 = select(0.0, f32(x[row + at6 + ci]), valid && valid6);
        let x7 = select(0.0, f32(x[row + at7 + ci]), valid && valid7);
        let x8 = select(0.0, f32(x[row + at8 + ci]), valid && valid8);
        let x9 = select(0.0, f32(x[row + at9 + ci]), valid && valid9);
        {
          let w0 = subgroupBroadcast(k0, 0u);
          let w1 = subgroupBroadcast(k0, 4u);
          let w2 = subgroupBroadcast(k1, 0u);
          a0_0 = fma(vec4<f32>(x0), w0, a0_0);
          a0_0 = fma(vec4<f32>(x1), w1, a0_0);
          a0_0 = fma(vec4<f32>(x2), w2, a0_0);
          a1_0 = fma(vec4<f32>(x1), w0, a1_0);
          a1_0 = fma(vec4<f32>(x2), w1, a1_0);
          a1_0 = fma(vec4<f32>(x3), w2, a1_0);
          a2_0 = fma(vec4<f32>(x2), w0, a2_0);
          a2_0 = fma(vec4<f32>(x3), w1, a2_0);
          a2_0 = fma(vec4<f32>(x4), w2, a2_0);
          a3_0 = fma(vec4<f32>(x3), w0, a3_0);
          a3_0 = fma(vec4<f32>(x4), w1, a3_0);
          a3_0 = fma(vec4<f32>(x5), w2, a3_0);
          a4_0 = fma(vec4<f32>(x4), w0, a4_0);
          a4_0 = fma(vec4<f32>(x5), w1, a4_0);
          a4_0 = fma(vec4<f32>(x6), w2, a4_0);
          a5_0 = fma(vec4<f32>(x5), w0, a5_0);
          a5_0 = fma(vec4<f32>(x6), w1, a5_0);
          a5_0 = fma(vec4<f32>(x7), w2, a5_0);
          a6_0 = fma(vec4<f32>(x6), w0, a6_0);
          a6_0 = fma(vec4<f32>(x7), w1, a6_0);
          a6_0 = fma(vec4<f32>(x8), w2, a6_0);
          a7_0 = fma(vec4<f32>(x7), w0, a7_0);
          a7_0 = fma(vec4<f32>(x8), w1, a7_0);
          a7_0 = fma(vec4<f32>(x9), w2, a7_0);
        }
        {
          let w0 = subgroupBroadcast(k0, 1u);
          let w1 = subgroupBroadcast(k0, 5u);
          let w2 = subgroupBroadcast(k1, 1u);
          a0_1 = fma(vec4<f32>(x0), w0, a0_1);
          a0_1 = fma(vec4<f32>(x1), w1, a0_1);
          a0_1 = fma(vec4<f32>(x2), w2, a0_1);
          a1_1 = fma(vec4<f32>(x1), w0, a1_1);
          a1_1 = fma(vec4<f32>(x2), w1, a1_1);
          a1_1 = fma(vec4<f32>(x3), w2, a1_1);
          a2_1 = fma(vec4<f32>(x2), w0, a2_1);
          a2_1 = fma(vec4<f32>(x3), w1, a2_1);
          a2_1 = fma(vec4<f32>(x4), w2, a2_1);
          a3_1 = fma(vec4<f32>(x3), w0, a3_1);
          a3_1 = fma(vec4<f32>(x4), w1, a3_1);
          a3_1 = fma(vec4<f32>(x5), w2, a3_1);
          a4_1 = fma(vec4<f32>(x4), w0, a4_1);
          a4_1 = fma(vec4<f32>(x5), w1, a4_1);
          a4_1 = fma(vec4<f32>(x6), w2, a4_1);
          a5_1 = fma(vec4<f32>(x5), w0, a5_1);
          a5_1 = fma(vec4<f32>(x6), w1, a5_1);
          a5_1 = fma(vec4<f32>(x7), w2, a5_1);
          a6_1 = fma(vec4<f32>(x6), w0, a6_1);
          a6_1 = fma(vec4<f32>(x7), w1, a6_1);
          a6_1 = fma(vec4<f32>(x8), w2, a6_1);
          a7_1 = fma(vec4<f32>(x7), w0, a7_1);
          a7_1 = fma(vec4<f32>(x8), w1, a7_1);
          a7_1 = fma(vec4<f32>(x9), w2, a7_1);
        }
        {
          let w0 = subgroupBroadcast(k0, 2u);
          let w1 = subgroupBroadcast(k0, 6u);
          let w2 = subgroupBroadcast(k1, 2u);
          a0_2 = fma(vec4<f32>(x0), w0, a0_2);
          a0_2 = fma(vec4<f32>(x1), w1, a0_2);
          a0_2 = fma(vec4<f32>(x2), w2, a0_2);
          a1_2 = fma(vec4<f32>(x1), w0, a1_2);
          a1_2 = fma(vec4<f32>(x2), w1, a1_2);
          a1_2 = fma(vec4<f32>(x3), w2, a1_2);
          a2_2 = fma(vec4<f32>(x2), w0, a2_2);
          a2_2 = fma(vec4<f32>(x3), w1, a2_2);
          a2_2 = fma(vec4<f32>(x4), w2, a2_2);
          a3_2 = fma(vec4<f32>(x3), w0, a3_2);
          a3_2 = fma(vec4<f32>(x4), w1, a3_2);
          a3_2 = fma(vec4<f32>(x5), w2, a3_2);
          a4_2 = fma(vec4<f32>(x4), w0, a4_2);
          a4_2 = fma(vec4<f32>(x5), w1, a4_2);
          a4_2 = fma(vec4<f32>(x6), w2, a4_2);
          a5_2 = fma(vec4<f32>(x5), w0, a5_2);
          a5_2 = fma(vec4<f32>(x6), w1, a5_2);
          a5_2 = fma(vec4<f32>(x7), w2, a5_2);
          a6_2 = fma(vec4<f32>(x6), w0, a6_2);
          a6_2 = fma(vec4<f32>(x7), w1, a6_2);
          a6_2 = fma(vec4<f32>(x8), w2, a6_2);
          a7_2 = fma(vec4<f32>(x7), w0, a7_2);
          a7_2 = fma(vec4<f32>(x8), w1, a7_2);
          a7_2 = fma(vec4<f32>(x9), w2, a7_2);
        }
        {
          let w0 = subgroupBroadcast(k0, 3u);
          let w1 = subgroupBroadcast(k0, 7u);
          let w2 = subgroupBroadcast(k1, 3u);
          a0_3 = fma(vec4<f32>(x0), w0, a0_3);
          a0_3 = fma(vec4<f32>(x1), w1, a0_3);
          a0_3 = fma(vec4<f32>(x2), w2, a0_3);
          a1_3 = fma(vec4<f32>(x1), w0, a1_3);
          a1_3 = fma(vec4<f32>(x2), w1, a1_3);
          a1_3 = fma(vec4<f32>(x3), w2, a1_3);
          a2_3 = fma(vec4<f32>(x2), w0, a2_3);
          a2_3 = fma(vec4<f32>(x3), w1, a2_3);
          a2_3 = fma(vec4<f32>(x4), w2, a2_3);
          a3_3 = fma(vec4<f32>(x3), w0, a3_3);
          a3_3 = fma(vec4<f32>(x4), w1, a3_3);
          a3_3 = fma(vec4<f32>(x5), w2, a3_3);
          a4_3 = fma(vec4<f32>(x4), w0, a4_3);
          a4_3 = fma(vec4<f32>(x5), w1, a4_3);
          a4_3 = fma(vec4<f32>(x6), w2, a4_3);
          a5_3 = fma(vec4<f32>(x5), w0, a5_3);
          a5_3 = fma(vec4<f32>(x6), w1, a5_3);
          a5_3 = fma(vec4<f32>(x7), w2, a5_3);
          a6_3 = fma(vec4<f32>(x6), w0, a6_3);
          a6_3 = fma(vec4<f32>(x7), w1, a6_3);
          a6_3 = fma(vec4<f32>(x8), w2, a6_3);
          a7_3 = fma(vec4<f32>(x7), w0, a7_3);
          a7_3 = fma(vec4<f32>(x8), w1, a7_3);
          a7_3 = fma(vec4<f32>(x9), w2, a7_3);
        }
      }
    }
  }
  if (d >= p.firstD + p.countD) {
    return;
  }

  let first = u32(p.outShift) + (((d * p.outStrideD + outOffset.x) * p.outHeight + h * p.outStrideH + outOffset.y) * p.outWidth
    + firstW * p.outStrideW + outOffset.z) * p.outChannels + outChannel;
  // Loops whose ends the compiler does not know: unrolled, these stores would be most of its work.
  var sums = array<vec4<f32>, 32>(a0_0, a0_1, a0_2, a0_3, a1_0, a1_1, a1_2, a1_3, a2_0, a2_1, a2_2, a2_3, a3_0, a3_1, a3_2, a3_3, a4_0, a4_1, a4_2, a4_3, a5_0, a5_1, a5_2, a5_3, a6_0, a6_1, a6_2, a6_3, a7_0, a7_1, a7_2, a7_3);
  let channels = min(16u, p.outChannels - outChannel);
  for (var v = 0u; v < min(8u, p.countW - firstW); v++) {
    let at = first + v * p.outStrideW * p.outChannels;
    for (var c = 0u; c < channels; c += 4u) {
      var sum = sums[v * 4u + c / 4u];
      sum += vec4(bias[outChannel + c + 0u],bias[outChannel + c + 1u],bias[outChannel + c + 2u],bias[outChannel + c + 3u]);
      if (p.accumulate != 0u) {
        sum += vec4<f32>(y[(at + c) / 4u]);
      }
      y[(at + c) / 4u] = y_t(sum);
    }
  }
}
