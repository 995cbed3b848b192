alias x0_t = vec4<f32>;
@group(0) @binding(0) var<storage, read> x0: array<x0_t>;
alias w_t = vec4<f32>;
@group(0) @binding(1) var<storage, read> w: array<w_t>;
alias affine_t = vec4<f32>;
@group(0) @binding(2) var<storage, read> affine: array<affine_t>;
alias y_t = vec4<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<y_t>;
alias moments_t = f32;
@group(0) @binding(4) var<storage, read_write> moments: array<moments_t>;
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
  weightVec4s: u32,
  columns: u32,
  sets: u32,
  outDepth: u32,
  outShift: i32,
  accumulate: u32,
  slope: f32
}
@group(0) @binding(5) var<uniform> p: Params;
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

// What lies at a voxel of a plane from channel c on; zeros where the voxel is negative or the channel beyond the last.
fn readAt(input: u32, plane: i32, voxel: i32, channels: u32, c: u32) -> vec4<f32> {
  var raw = vec4<f32>(0);
  if (voxel >= 0 && c < channels) {
    let at = u32(plane + voxel * i32(channels));
    raw = read0(at, c);
  }
  return raw;
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
  if (c < p.channels0) {
    norm.lowScale = vec4(affine[(n * p.channels0 + c) / 2u].xz, affine[(n * p.channels0 + c) / 2u + 1u].xz);
    norm.lowOffset = vec4(affine[(n * p.channels0 + c) / 2u].yw, affine[(n * p.channels0 + c) / 2u + 1u].yw);
  }
  return norm;
}
fn keep(at: u32, raw: vec4<f32>, isInside: bool, norm: Norm) {
  block[at] = select(vec4<f32>(0), vec4<f32>(normed(vec4<f32>(raw), norm.lowScale, norm.lowOffset)), isInside);
}

// The voxel of a plane that is the input of a slot; negative where it lies outside.
fn voxelOf(slot: u32, h0: u32, w0: u32) -> i32 {
  let line = slot / 34u;
  let at = slot % 34u;
  let h = i32(h0 + line) * 1 + p.baseH;
  let w = i32(w0 + at) + p.baseW;
  return select(-1, h * p.inWidth + w, slot < 204u && h >= 0 && h < p.inHeight && w >= 0 && w < p.inWidth);
}

// The row of the packed weights where those of tap th along H begin; `rows` are those of the inputs before.
fn weightRow(rows: u32, step: u32, th: u32) -> u32 {
  return rows + (step * 3u + th) * 24u;
}

fn startOf(row: u32) -> u32 {
  return (row / 32u * 34u + row % 32u) * 4u;
}

// The row of an invocation's i-th sums.
fn rowOf(rowGroup: u32, i: u32) -> u32 {
  return rowGroup + i * 16u;
}

// Four of the weights of a tap along H, which begin at `row` and, in vec4s, at `column`; `slot` counts them row by row.
fn weightsAt(row: u32, column: u32, slot: u32) -> w_t {
  return w[(row + slot / 8u) * p.weightVec4s + column + slot % 8u];
}

// Where the outputs of a tile lie: `first` is the element of their plane's begin, `h`, `w` and `channel` are the
// tile's first ones, `tile` is its number among those of the item and plane.
struct Outputs {
  first: u32,
  h: u32,
  w: u32,
  channel: u32,
  tile: u32
}

fn isInside(outputs: Outputs, row: u32) -> bool {
  return outputs.h + row / 32u < p.countH && outputs.w + row % 32u < p.countW;
}

fn put(outputs: Outputs, row: u32, column: u32, sum: vec4<f32>) {
  let h = outputs.h + row / 32u;
  let w = outputs.w + row % 32u;
  let c = outputs.channel + column;
  if (!isInside(outputs, row) || c >= p.outChannels) {
    return;
  }
  let at = outputs.first + (h * p.outStrideH * p.outWidth + w * p.outStrideW) * p.outChannels + c;
  var value = sum;
  if (p.accumulate != 0u) {
    value += vec4<f32>(y[at / 4u]);
  }
  y[at / 4u] = y_t(value);
}

// Sums of the differences of values from a centre, and of their squares.
struct Spread {
  sum: vec4<f32>,
  squares: vec4<f32>
}

fn withValue(spread: Spread, value: vec4<f32>, centre: vec4<f32>, isInside: bool) -> Spread {
  if (!isInside) {
    return spread;
  }
  let d = value - centre;
  return Spread(spread.sum + d, spread.squares + d * d);
}

fn putMoments(outputs: Outputs, column: u32, centre: vec4<f32>, spread: Spread) {
  let count = f32(min(4u, p.countH - outputs.h) * min(32u, p.countW - outputs.w));
  let c = outputs.channel + column;
  for (var k = 0u; k < 4u && c + k < p.outChannels; k++) {
    let at = (outputs.tile * p.outChannels + c + k) * 3u;
    moments[at] = count;
    moments[at + 1u] = centre[k] + spread.sum[k] / count;
    moments[at + 2u] = spread.squares[k] - spread.sum[k] * spread.sum[k] / count;
  }
}

@compute @workgroup_size(128) fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = id.y * ids.x + id.x;
  if (group >= p.groups) {
    return;
  }
  let columnTile = group % p.columnTiles;
  let w0 = group / p.columnTiles % p.widthTiles * 32u;
  let h0 = group / (p.columnTiles * p.widthTiles) % p.heightTiles * 4u;
  let outPlane = group / (p.columnTiles * p.widthTiles * p.heightTiles);
  let d0 = outPlane % p.countD + p.firstD;
  let item = outPlane / p.countD; // of the output, whose batches are shares of the sum
  let n = item % p.items;
  let split = item / p.items;
  let column = columnTile * 8u;
  let rowGroup = lane / 8u;
  let columnGroup = lane % 8u;
  let start0 = startOf(rowOf(rowGroup, 0u));
  let start1 = startOf(rowOf(rowGroup, 1u));
  let start2 = startOf(rowOf(rowGroup, 2u));
  let start3 = startOf(rowOf(rowGroup, 3u));
  let start4 = startOf(rowOf(rowGroup, 4u));
  let start5 = startOf(rowOf(rowGroup, 5u));
  let start6 = startOf(rowOf(rowGroup, 6u));
  let start7 = startOf(rowOf(rowGroup, 7u));
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
  let voxel0 = voxelOf((lane / 2u), h0, w0);
  let voxel1 = voxelOf((lane / 2u + 64u), h0, w0);
  let voxel2 = voxelOf((lane / 2u + 128u), h0, w0);
  let voxel3 = voxelOf((lane / 2u + 192u), h0, w0);
  var raw0 = vec4<f32>(0);
  var raw1 = vec4<f32>(0);
  var raw2 = vec4<f32>(0);
  var raw3 = vec4<f32>(0);

  // Taps along D that meet the volume.
  let firstD = i32(d0) * p.inStrideD + p.baseD;
  let tapFirst = u32(max(0, -firstD));
  let tapEnd = u32(clamp(p.inDepth - firstD, i32(tapFirst), max(i32(p.tapsD), i32(tapFirst))));
  var rows = 0u; // of the packed weights, before those of this input
  for (var input = 0u; input < 1u; input++) {
    let channels = p.channels0;
    let shift = p.shift0 + i32(n) * p.inDepth * p.inHeight * p.inWidth * i32(channels);
    // A step adds the products of a tap along D and `depth` channels.
    let chunks = (channels + 7u) / 8u;
    let steps = (tapEnd - tapFirst) * chunks;
    if (split < steps) {
      {
        let next = split;
        let d = firstD + i32(tapFirst + next / chunks);
        let c = next % chunks * 8u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        raw0 = readAt(input, plane, voxel0, channels, c);
        raw1 = readAt(input, plane, voxel1, channels, c);
        raw2 = readAt(input, plane, voxel2, channels, c);
        raw3 = readAt(input, plane, voxel3, channels, c);
      }
      {
        weights0 = weightsAt(weightRow(rows, tapFirst * chunks + split, 0u), column, lane);
        if ((lane + 128u) < 192u) {
          weights1 = weightsAt(weightRow(rows, tapFirst * chunks + split, 0u), column, (lane + 128u));
        }
      }
    }
    for (var step = split; step < steps; step += p.splits) {
      let c = step % chunks * 8u + c0;
      let norm = normAt(p.firstItem + n, c);
      workgroupBarrier();
      keep((lane / 2u) * 4u + c0 / 4u, raw0, voxel0 >= 0 && c < channels, norm);
      keep((lane / 2u + 64u) * 4u + c0 / 4u, raw1, voxel1 >= 0 && c < channels, norm);
      keep((lane / 2u + 128u) * 4u + c0 / 4u, raw2, voxel2 >= 0 && c < channels, norm);
      if ((lane / 2u + 192u) < 204u) {
        keep((lane / 2u + 192u) * 4u + c0 / 4u, raw3, voxel3 >= 0 && c < channels, norm);
      }
      taps[lane] = vec4<f32>(weights0);
      if ((lane + 128u) < 192u) {
        taps[(lane + 128u)] = vec4<f32>(weights1);
      }
      workgroupBarrier();
      // The next step's inputs are on their way while this one's are multiplied.
      if (step + p.splits < steps) {
        let next = step + p.splits;
        let d = firstD + i32(tapFirst + next / chunks);
        let c = next % chunks * 8u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        raw0 = readAt(input, plane, voxel0, channels, c);
        raw1 = readAt(input, plane, voxel1, channels, c);
        raw2 = readAt(input, plane, voxel2, channels, c);
        raw3 = readAt(input, plane, voxel3, channels, c);
      }
      for (var th = 0u; th < 3u; th++) {
        let row = weightRow(rows, tapFirst * chunks + step, th);
        if (th > 0u) {
          workgroupBarrier();
          taps[lane] = vec4<f32>(weights0);
          if ((lane + 128u) < 192u) {
            taps[(lane + 128u)] = vec4<f32>(weights1);
          }
          workgroupBarrier();
        }
        if (th + 1u < 3u) {
          weights0 = weightsAt(weightRow(rows, tapFirst * chunks + step, th + 1u), column, lane);
          if ((lane + 128u) < 192u) {
            weights1 = weightsAt(weightRow(rows, tapFirst * chunks + step, th + 1u), column, (lane + 128u));
          }
        } else if (step + p.splits < steps) {
          weights0 = weightsAt(weightRow(rows, tapFirst * chunks + step + p.splits, 0u), column, lane);
          if ((lane + 128u) < 192u) {
            weights1 = weightsAt(weightRow(rows, tapFirst * chunks + step + p.splits, 0u), column, (lane + 128u));
          }
        }
        for (var t = 0u; t < 3u; t++) {
          let tap = (th * 34u + t) * 4u;
          for (var k = 0u; k < 2u; k++) {
            let x0 = block[start0 + tap + k];
            let x1 = block[start1 + tap + k];
            let x2 = block[start2 + tap + k];
            let x3 = block[start3 + tap + k];
            let x4 = block[start4 + tap + k];
            let x5 = block[start5 + tap + k];
            let x6 = block[start6 + tap + k];
            let x7 = block[start7 + tap + k];
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
  let offset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW) + select(0u, 1u, p.sets > 1u) * vec3(outSet / (p.outStrideW * p.outStrideH), outSet / p.outStrideW % p.outStrideH, outSet % p.outStrideW);
  let first = u32(p.outShift + i32(item * p.outDepth * p.outHeight * p.outWidth * p.outChannels))
    + (((d0 * p.outStrideD + offset.x) * p.outHeight + offset.y) * p.outWidth + offset.z) * p.outChannels;
  let outputs = Outputs(first, h0, w0, columnTile * 32u % p.columns, group / p.columnTiles);
  var sums = array<vec4<f32>, 8>(sum0_0, sum1_0, sum2_0, sum3_0, sum4_0, sum5_0, sum6_0, sum7_0);
  for (var i = 0u; i < 8u; i++) {
    put(outputs, rowOf(rowGroup, i), (columnGroup + i % 1u) * 4u, sums[i]);
  }
  workgroupBarrier();
  if (rowGroup == 0u) {
    block[columnGroup + 256u] = sum0_0;
  }
  workgroupBarrier();
  {
    let centre = block[columnGroup + 256u];
    var spread = Spread();
    spread = withValue(spread, sum0_0, centre, isInside(outputs, rowOf(rowGroup, 0u)));
    spread = withValue(spread, sum1_0, centre, isInside(outputs, rowOf(rowGroup, 1u)));
    spread = withValue(spread, sum2_0, centre, isInside(outputs, rowOf(rowGroup, 2u)));
    spread = withValue(spread, sum3_0, centre, isInside(outputs, rowOf(rowGroup, 3u)));
    spread = withValue(spread, sum4_0, centre, isInside(outputs, rowOf(rowGroup, 4u)));
    spread = withValue(spread, sum5_0, centre, isInside(outputs, rowOf(rowGroup, 5u)));
    spread = withValue(spread, sum6_0, centre, isInside(outputs, rowOf(rowGroup, 6u)));
    spread = withValue(spread, sum7_0, centre, isInside(outputs, rowOf(rowGroup, 7u)));
    let at = (rowGroup * 8u + columnGroup) * 2u;
    block[at] = spread.sum;
    block[at + 1u] = spread.squares;
  }
  workgroupBarrier();
  for (var c = lane; c < 8u; c += 128u) {
    var spread = Spread();
    for (var g = 0u; g < 16u; g++) {
      let at = (g * 8u + c) * 2u;
      spread.sum += block[at];
      spread.squares += block[at + 1u];
    }
    putMoments(outputs, c * 4u, block[c + 256u], spread);
  }
}
