enable f16;
alias x0_t = vec4<u32>;
@group(0) @binding(0) var<storage, read> x0: array<x0_t>;
alias w_t = vec4<f16>;
@group(0) @binding(1) var<storage, read> w: array<w_t>;
alias y_t = vec4<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<y_t>;
alias moments_t = f32;
@group(0) @binding(3) var<storage, read_write> moments: array<moments_t>;
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

var<workgroup> block: array<vec4<f16>, 1224>;
var<workgroup> staged: array<vec4<f32>, 512>;

fn read0(at: u32, c: u32) -> vec4<u32> {
  return x0[(at + c) / 8u];
}

// What lies at a voxel of a plane from channel c on; zeros where the voxel is negative or the channel beyond the last.
fn readAt(input: u32, plane: i32, voxel: i32, channels: u32, c: u32) -> vec4<u32> {
  var raw = vec4<u32>(0);
  if (voxel >= 0 && c < channels) {
    let at = u32(plane + voxel * i32(channels));
    raw = read0(at, c);
  }
  return raw;
}

fn keep(at: u32, raw: vec4<u32>, isInside: bool) {
  block[at] = select(vec4<f16>(0), vec4<f16>(bitcast<vec4<f16>>(raw.xy)), isInside);
  block[at + 1u] = select(vec4<f16>(0), vec4<f16>(bitcast<vec4<f16>>(raw.zw)), isInside);
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
  return rows + (step * 3u + th) * 48u;
}

fn startOf(row: u32) -> u32 {
  return (row / 32u * 34u + row % 32u) * 6u;
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
  let subgroup = lane / 32u;
  let start0 = startOf(subgroup * 32u);
  let start1 = startOf(subgroup * 32u + 16u);
  var sum0_0: array<f32, 8>;
  var sum0_1: array<f32, 8>;
  var sum1_0: array<f32, 8>;
  var sum1_1: array<f32, 8>;

  let c0 = lane % 2u * 8u;
  let voxel0 = voxelOf((lane / 2u), h0, w0);
  let voxel1 = voxelOf((lane / 2u + 64u), h0, w0);
  let voxel2 = voxelOf((lane / 2u + 128u), h0, w0);
  let voxel3 = voxelOf((lane / 2u + 192u), h0, w0);
  var raw0 = vec4<u32>(0);
  var raw1 = vec4<u32>(0);
  var raw2 = vec4<u32>(0);
  var raw3 = vec4<u32>(0);

  // Taps along D that meet the volume.
  let firstD = i32(d0) * p.inStrideD + p.baseD;
  let tapFirst = u32(max(0, -firstD));
  let tapEnd = u32(clamp(p.inDepth - firstD, i32(tapFirst), max(i32(p.tapsD), i32(tapFirst))));
  var rows = 0u; // of the packed weights, before those of this input
  for (var input = 0u; input < min(p.groups, 1u) * 1u; input++) {
    let channels = p.channels0;
    let shift = p.shift0 + i32(n) * p.inDepth * p.inHeight * p.inWidth * i32(channels);
    // A step adds the products of a tap along D and `depth` channels.
    let chunks = (channels + 15u) / 16u;
    let steps = (tapEnd - tapFirst) * chunks;
    if (split < steps) {
      {
        let next = split;
        let d = firstD + i32(tapFirst + next / chunks);
        let c = next % chunks * 16u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        raw0 = readAt(input, plane, voxel0, channels, c);
        raw1 = readAt(input, plane, voxel1, channels, c);
        raw2 = readAt(input, plane, voxel2, channels, c);
        raw3 = readAt(input, plane, voxel3, channels, c);
      }
    }
    for (var step = split; step < steps; step += p.splits) {
      let c = step % chunks * 16u + c0;
      workgroupBarrier();
      keep((lane / 2u) * 6u + c0 / 4u, raw0, voxel0 >= 0 && c < channels);
      keep((lane / 2u + 64u) * 6u + c0 / 4u, raw1, voxel1 >= 0 && c < channels);
      keep((lane / 2u + 128u) * 6u + c0 / 4u, raw2, voxel2 >= 0 && c < channels);
      if ((lane / 2u + 192u) < 204u) {
        keep((lane / 2u + 192u) * 6u + c0 / 4u, raw3, voxel3 >= 0 && c < channels);
      }
      workgroupBarrier();
      // The next step's inputs are on their way while this one's are multiplied.
      if (step + p.splits < steps) {
        let next = step + p.splits;
        let d = firstD + i32(tapFirst + next / chunks);
        let c = next % chunks * 16u + c0;
        let plane = shift + d * p.inHeight * p.inWidth * i32(channels);
        raw0 = readAt(input, plane, voxel0, channels, c);
        raw1 = readAt(input, plane, voxel1, channels, c);
        raw2 = readAt(input, plane, voxel2, channels, c);
        raw3 = readAt(input, plane, voxel3, channels, c);
      }
      for (var th = 0u; th < min(p.groups, 1u) * 3u; th++) {
        let row = weightRow(rows, tapFirst * chunks + step, th);
        for (var t = 0u; t < min(p.groups, 1u) * 3u; t++) {
          let tap = (th * 34u + t) * 6u;
          for (var k = 0u; k < min(p.groups, 1u) * 1u; k++) {
            let right0 = ((row + t * 16u) / 16u + k) * p.weightVec4s * 16u + column * 16u + 0u;
            let right1 = ((row + t * 16u) / 16u + k) * p.weightVec4s * 16u + column * 16u + 64u;
            {
              let left0 = start0 + tap + k * 4u;
              for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
                let row = (lane % 32u + i * 32u) / 16u;
                let column = (lane % 32u + i * 32u) % 16u;
                for (var k = 0u; k < min(p.groups, 1u) * 16u; k++) {
                  sum0_0[i] += f32(block[left0 + row * 6u + k / 4u][k % 4u]) * f32(w[right0 + column * 4u + k / 4u][k % 4u]);
                }
              }
              for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
                let row = (lane % 32u + i * 32u) / 16u;
                let column = (lane % 32u + i * 32u) % 16u;
                for (var k = 0u; k < min(p.groups, 1u) * 16u; k++) {
                  sum0_1[i] += f32(block[left0 + row * 6u + k / 4u][k % 4u]) * f32(w[right1 + column * 4u + k / 4u][k % 4u]);
                }
              }
            }
            {
              let left1 = start1 + tap + k * 4u;
              for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
                let row = (lane % 32u + i * 32u) / 16u;
                let column = (lane % 32u + i * 32u) % 16u;
                for (var k = 0u; k < min(p.groups, 1u) * 16u; k++) {
                  sum1_0[i] += f32(block[left1 + row * 6u + k / 4u][k % 4u]) * f32(w[right0 + column * 4u + k / 4u][k % 4u]);
                }
              }
              for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
                let row = (lane % 32u + i * 32u) / 16u;
                let column = (lane % 32u + i * 32u) % 16u;
                for (var k = 0u; k < min(p.groups, 1u) * 16u; k++) {
                  sum1_1[i] += f32(block[left1 + row * 6u + k / 4u][k % 4u]) * f32(w[right1 + column * 4u + k / 4u][k % 4u]);
                }
              }
            }
          }
        }
      }
    }
    rows += p.tapsD * chunks * 144u;
  }

  let outSet = columnTile * 32u / p.columns;
  let offset = vec3(p.outOffsetD, p.outOffsetH, p.outOffsetW) + select(0u, 1u, p.sets > 1u) * vec3(outSet / (p.outStrideW * p.outStrideH), outSet / p.outStrideW % p.outStrideH, outSet % p.outStrideW);
  let first = u32(p.outShift + i32(item * p.outDepth * p.outHeight * p.outWidth * p.outChannels))
    + (((d0 * p.outStrideD + offset.x) * p.outHeight + offset.y) * p.outWidth + offset.z) * p.outChannels;
  let outputs = Outputs(first, h0, w0, columnTile * 32u % p.columns, group / p.columnTiles);
  var spread = Spread();
  var centre = vec4<f32>(0);
  workgroupBarrier();
  for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
    let e = lane % 32u + i * 32u;
    staged[subgroup * 128u + 0u + e / 16u * 8u + e % 16u / 4u][e % 4u] = sum0_0[i];
  }
  for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
    let e = lane % 32u + i * 32u;
    staged[subgroup * 128u + 4u + e / 16u * 8u + e % 16u / 4u][e % 4u] = sum0_1[i];
  }
  workgroupBarrier();
  centre = staged[lane % 8u];
  for (var i = lane % 32u; i < 128u; i += 32u) {
    let row = subgroup * 32u + i / 8u;
    let value = staged[subgroup * 128u + i];
    put(outputs, row, i % 8u * 4u, value);
    spread = withValue(spread, value, centre, isInside(outputs, row));
  }
  workgroupBarrier();
  for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
    let e = lane % 32u + i * 32u;
    staged[subgroup * 128u + 0u + e / 16u * 8u + e % 16u / 4u][e % 4u] = sum1_0[i];
  }
  for (var i = 0u; i < min(p.groups, 1u) * 8u; i++) {
    let e = lane % 32u + i * 32u;
    staged[subgroup * 128u + 4u + e / 16u * 8u + e % 16u / 4u][e % 4u] = sum1_1[i];
  }
  workgroupBarrier();
  for (var i = lane % 32u; i < 128u; i += 32u) {
    let row = subgroup * 32u + 16u + i / 8u;
    let value = staged[subgroup * 128u + i];
    put(outputs, row, i % 8u * 4u, value);
    spread = withValue(spread, value, centre, isInside(outputs, row));
  }
  workgroupBarrier();
  staged[lane * 2u] = spread.sum;
  staged[lane * 2u + 1u] = spread.squares;
  workgroupBarrier();
  if (lane < 8u) {
    var total = Spread();
    for (var i = lane; i < 128u; i += 8u) {
      total.sum += staged[i * 2u];
      total.squares += staged[i * 2u + 1u];
    }
    putMoments(outputs, lane * 4u, centre, total);
  }
}
