alias x0_t = vec4<f32>;
@group(0) @binding(0) var<storage, read> x0: array<x0_t>;
alias x1_t = vec4<f32>;
@group(0) @binding(1) var<storage, read> x1: array<x1_t>;
alias w_t = vec4<f32>;
@group(0) @binding(2) var<storage, read> w: array<w_t>;
alias y_t = vec4<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<y_t>;
struct Params {
  groups: u32,
  columnTiles: u32,
  widthTiles: u32,
  heightTiles: u32,
  firstItem: u32,
  items: u32,
  splits: u32,
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
  channels0: u32,
  shift0: i32,
  channels1: u32,
  shift1: i32,
  weightVec4s: u32,
  columns: u32,
  sets: u32,
  outDepth: u32,
  outShift: i32,
  accumulate: u32
}
@group(0) @binding(4) var<uniform> p: Params;
const WORKGROUP = 128u;
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

var<workgroup> block: array<vec4<f32>, 816>;
var<workgroup> taps: array<vec4<f32>, 192>;

fn read0(at: u32, c: u32) -> vec4<f32> {
  return x0[(at + c) / 4u];
}
fn read1(at: u32, c: u32) -> vec4<f32> {
  return x1[(at + c) / 4u];
}

fn keep(at: u32, raw: vec4<f32>, isInside: bool) {
  block[at + 0u] = select(vec4<f32>(0), vec4<f32>(raw), isInside);
}

fn readAt(input: u32, at: i32, isInside: bool, c: u32) -> vec4<f32> {
  var raw = vec4<f32>(0);
  if (isInside) {
    if (input == 0u) {
      raw = read0(u32(at), c);
    } else {
      raw = read1(u32(at), c);
    }
  }
  return raw;
}

// Voxels from the begin of a plane to the input of a slot; negative where it lies outside.
fn placeOf(slot: u32, h0: u32, w0: u32) -> i32 {
  let line = slot / 34u;
  let h = i32((h0 + line / 1u) * 1u + line % 1u) + p.baseH;
  let w = i32((w0 + (slot % 34u) % 34u) * 1u + (slot % 34u) / 34u) + p.baseW;
  return select(-1, h * p.inWidth + w, slot < 204u && h >= 0 && h < p.inHeight && w >= 0 && w < p.inWidth);
}

struct Place {
  first: u32,
  h: u32,
  w: u32,
  channel: u32,
  tile: u32
}

fn isInside(place: Place, row: u32) -> bool {
  return place.h + row / 32u < p.countH && place.w + row % 32u < p.countW;
}

// Writes four channels of output `row` of the tile.
fn put(place: Place, row: u32, column: u32, sum: vec4<f32>) {
  let h = place.h + row / 32u;
  let w = place.w + row % 32u;
  let c = place.channel + column;
  if (!isInside(place, row) || c >= p.outChannels) {
    return;
  }
  let at = place.first + (h * p.outStrideH * p.outWidth + w * p.outStrideW) * p.outChannels + c;
  var value = sum;
  if (p.accumulate != 0u) {
    value += vec4<f32>(y[at / 4u]);
  }
  y[at / 4u] = y_t(value);
}

@compute @workgroup_size(128) fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = id.y * ids.x + id.x;
  if (group >= p.groups) {
    return;
  }
  let columnTile = group % p.columnTiles;
  let w0 = group / p.columnTiles % p.widthTiles * 32u;
  let h0 = group / (p.columnTiles * p.widthTiles) % p.heightTiles * 4u;
  let plane = group / (p.columnTiles * p.widthTiles * p.heightTiles);
  let d0 = plane % p.countD + p.firstD;
  let item = plane / p.countD; // of the output, whose batches are shares of the sum
  let n = item % p.items;
  let split = item / p.items;
  let column = columnTile * 8u;
  let rowGroup = lane / 8u;
  let columnGroup = lane % 8u * 1u;
  let at0 = ((rowGroup + 0u) / 32u * 34u + (rowGroup + 0u) % 32u) * 4u;
  let at1 = ((rowGroup + 16u) / 32u * 34u + (rowGroup + 16u) % 32u) * 4u;
  let at2 = ((rowGroup + 32u) / 32u * 34u + (rowGroup + 32u) % 32u) * 4u;
  let at3 = ((rowGroup + 48u) / 32u * 34u + (rowGroup + 48u) % 32u) * 4u;
  let at4 = ((rowGroup + 64u) / 32u * 34u + (rowGroup + 64u) % 32u) * 4u;
  let at5 = ((rowGroup + 80u) / 32u * 34u + (rowGroup + 80u) % 32u) * 4u;
  let at6 = ((rowGroup + 96u) / 32u * 34u + (rowGroup + 96u) % 32u) * 4u;
  let at7 = ((rowGroup + 112u) / 32u * 34u + (rowGroup + 112u) % 32u) * 4u;
  var weights0 = w_t();
  var weights1 = w_t();
  var sum0_0 = vec4<f32>(0);
  var sum1_0 = vec4<f32>(0);
  var sum2_0 = vec4<f32>(0);
  var sum3_0 = vec4<f32>(0);
  var sum4_0 = vec4<f32>(0);
  var sum5_0 = vec4<f32>(0);
  var sum6_0 = vec4<f32>(0);
  var sum7_0 = vec4<f32>(0);

  let c0 = lane % 2u * 4u;
  let place0 = placeOf((lane / 2u + 0u), h0, w0);
  let place1 = placeOf((lane / 2u + 64u), h0, w0);
  let place2 = placeOf((lane / 2u + 128u), h0, w0);
  let place3 = placeOf((lane / 2u + 192u), h0, w0);
  var raw0 = vec4<f32>(0);
  var raw1 = vec4<f32>(0);
  var raw2 = vec4<f32>(0);
  var raw3 = vec4<f32>(0);
  // Taps along D that meet the volume.
  let firstD = i32(d0) * p.inStrideD + p.baseD;
  let tapFirst = u32(max(0, -firstD));
  let tapEnd = u32(clamp(p.inDepth - firstD, i32(tapFirst), max(i32(p.tapsD), i32(tapFirst))));
  var rows = 0u; // of the weights, before those of this input
  for (var input = 0u; input < 2u; input++) {
    let channels = select(p.channels1, p.channels0, input == 0u);
    let shift = select(p.shift1, p.shift0, input == 0u) + i32(n) * p.inDepth * p.inHeight * p.inWidth * i32(channels);
    let chunks = (channels + 7u) / 8u;
    let steps = (tapEnd - tapFirst) * chunks;
    if (split < steps) {
      {
        let d = firstD + i32(tapFirst + (split) / chunks);
        let c = (split) % chunks * 8u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        raw0 = readAt(input, plane + place0 * i32(channels), place0 >= 0 && c < channels, c);
        raw1 = readAt(input, plane + place1 * i32(channels), place1 >= 0 && c < channels, c);
        raw2 = readAt(input, plane + place2 * i32(channels), place2 >= 0 && c < channels, c);
        raw3 = readAt(input, plane + place3 * i32(channels), place3 >= 0 && c < channels, c);
      }
      {
        weights0 = w[((rows + ((tapFirst * chunks + split) * 3u + 0u) * 24u) + (lane / 1u + 0u) / 8u) * p.weightVec4s + column + (lane / 1u + 0u) % 8u];
        if ((lane / 1u + 128u) < 192u) {
          weights1 = w[((rows + ((tapFirst * chunks + split) * 3u + 0u) * 24u) + (lane / 1u + 128u) / 8u) * p.weightVec4s + column + (lane / 1u + 128u) % 8u];
        }
      }
    }
    for (var step = split; step < steps; step += p.splits) {
      let c = step % chunks * 8u + c0;
      workgroupBarrier();
      keep((lane / 2u + 0u) * 4u + c0 / 4u, raw0, place0 >= 0 && c < channels);
      keep((lane / 2u + 64u) * 4u + c0 / 4u, raw1, place1 >= 0 && c < channels);
      keep((lane / 2u + 128u) * 4u + c0 / 4u, raw2, place2 >= 0 && c < channels);
      if ((lane / 2u + 192u) < 204u) {
        keep((lane / 2u + 192u) * 4u + c0 / 4u, raw3, place3 >= 0 && c < channels);
      }
      taps[(lane / 1u + 0u)] = vec4<f32>(weights0);
      if ((lane / 1u + 128u) < 192u) {
        taps[(lane / 1u + 128u)] = vec4<f32>(weights1);
      }
      workgroupBarrier();
      if (step + p.splits < steps) {
        let d = firstD + i32(tapFirst + (step + p.splits) / chunks);
        let c = (step + p.splits) % chunks * 8u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        raw0 = readAt(input, plane + place0 * i32(channels), place0 >= 0 && c < channels, c);
        raw1 = readAt(input, plane + place1 * i32(channels), place1 >= 0 && c < channels, c);
        raw2 = readAt(input, plane + place2 * i32(channels), place2 >= 0 && c < channels, c);
        raw3 = readAt(input, plane + place3 * i32(channels), place3 >= 0 && c < channels, c);
      }
      for (var th = 0u; th < 3u; th++) {
        let row = (rows + ((tapFirst * chunks + step) * 3u + th) * 24u);
        if (th > 0u) {
          workgroupBarrier();
          taps[(lane / 1u + 0u)] = vec4<f32>(weights0);
          if ((lane / 1u + 128u) < 192u) {
            taps[(lane / 1u + 128u)] = vec4<f32>(weights1);
          }
          workgroupBarrier();
        }
        if (th + 1u < 3u) {
          weights0 = w[((row + 24u) + (lane / 1u + 0u) / 8u) * p.weightVec4s + column + (lane / 1u + 0u) % 8u];
          if ((lane / 1u + 128u) < 192u) {
            weights1 = w[((row + 24u) + (lane / 1u + 128u) / 8u) * p.weightVec4s + column + (lane / 1u + 128u) % 8u];
          }
        }
        else if (step + p.splits < steps) {
          weights0 = w[((rows + ((tapFirst * chunks + step + p.splits) * 3u + 0u) * 24u) + (lane / 1u + 0u) / 8u) * p.weightVec4s + column + (lane / 1u + 0u) % 8u];
          if ((lane / 1u + 128u) < 192u) {
            weights1 = w[((rows + ((tapFirst * chunks + step + p.splits) * 3u + 0u) * 24u) + (lane / 1u + 128u) / 8u) * p.weightVec4s + column + (lane / 1u + 128u) % 8u];
          }
        }
        for (var t = 0u; t < 3u; t++) {
          let tap = (th * 34u + t) * 4u;
          for (var k = 0u; k < 2u; k++) {
            let x0 = block[at0 + tap + k];
            let x1 = block[at1 + tap + k];
            let x2 = block[at2 + tap + k];
            let x3 = block[at3 + tap + k];
            let x4 = block[at4 + tap + k];
            let x5 = block[at5 + tap + k];
            let x6 = block[at6 + tap + k];
            let x7 = block[at7 + tap + k];
            let b = (t * 8u + k * 4u) * 8u + columnGroup;
            {
              let b0 = taps[b + 0u];
              sum0_0 = fma(vec4(x0[0]), b0, sum0_0);
              sum1_0 = fma(vec4(x1[0]), b0, sum1_0);
              sum2_0 = fma(vec4(x2[0]), b0, sum2_0);
              sum3_0 = fma(vec4(x3[0]), b0, sum3_0);
              sum4_0 = fma(vec4(x4[0]), b0, sum4_0);
              sum5_0 = fma(vec4(x5[0]), b0, sum5_0);
              sum6_0 = fma(vec4(x6[0]), b0, sum6_0);
              sum7_0 = fma(vec4(x7[0]), b0, sum7_0);
            }
            {
              let b0 = taps[b + 8u];
              sum0_0 = fma(vec4(x0[1]), b0, sum0_0);
              sum1_0 = fma(vec4(x1[1]), b0, sum1_0);
              sum2_0 = fma(vec4(x2[1]), b0, sum2_0);
              sum3_0 = fma(vec4(x3[1]), b0, sum3_0);
              sum4_0 = fma(vec4(x4[1]), b0, sum4_0);
              sum5_0 = fma(vec4(x5[1]), b0, sum5_0);
              sum6_0 = fma(vec4(x6[1]), b0, sum6_0);
              sum7_0 = fma(vec4(x7[1]), b0, sum7_0);
            }
            {
              let b0 = taps[b + 16u];
              sum0_0 = fma(vec4(x0[2]), b0, sum0_0);
              sum1_0 = fma(vec4(x1[2]), b0, sum1_0);
              sum2_0 = fma(vec4(x2[2]), b0, sum2_0);
              sum3_0 = fma(vec4(x3[2]), b0, sum3_0);
              sum4_0 = fma(vec4(x4[2]), b0, sum4_0);
              sum5_0 = fma(vec4(x5[2]), b0, sum5_0);
              sum6_0 = fma(vec4(x6[2]), b0, sum6_0);
              sum7_0 = fma(vec4(x7[2]), b0, sum7_0);
            }
            {
              let b0 = taps[b + 24u];
              sum0_0 = fma(vec4(x0[3]), b0, sum0_0);
              sum1_0 = fma(vec4(x1[3]), b0, sum1_0);
              sum2_0 = fma(vec4(x2[3]), b0, sum2_0);
              sum3_0 = fma(vec4(x3[3]), b0, sum3_0);
              sum4_0 = fma(vec4(x4[3]), b0, sum4_0);
              sum5_0 = fma(vec4(x5[3]), b0, sum5_0);
              sum6_0 = fma(vec4(x6[3]), b0, sum6_0);
              sum7_0 = fma(vec4(x7[3]), b0, sum7_0);
            }
          }
        }
      }
    }
    rows += p.tapsD * chunks * 72u;
  }

  let outSet = columnTile * 32u / p.columns;
  let offset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW)
    + select(0u, 1u, p.sets > 1u) * vec3(outSet / (p.outStrideW * p.outStrideH), outSet / p.outStrideW % p.outStrideH, outSet % p.outStrideW);
  let first = u32(p.outShift + i32(item * p.outDepth * p.outHeight * p.outWidth * p.outChannels))
    + (((d0 * p.outStrideD + offset.x) * p.outHeight + offset.y) * p.outWidth + offset.z) * p.outChannels;
  let place = Place(first, h0, w0, columnTile * 32u % p.columns, group / p.columnTiles);
  var sums = array<vec4<f32>, 8>(sum0_0, sum1_0, sum2_0, sum3_0, sum4_0, sum5_0, sum6_0, sum7_0);
  for (var i = 0u; i < 8u; i++) {
    put(place, rowGroup + i / 1u * 16u, (columnGroup + i % 1u) * 4u, sums[i]);
  }
}
