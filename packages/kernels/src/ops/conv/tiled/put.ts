/** How a tile of a gather writes its outputs, and their moments. */
import { MOMENTS } from '../../moments.ts';
import type { SharedTile } from '../choice/problem.ts';
import type { GatherShape } from './gatherMultiply.ts';

/**
 * WGSL: `put` writes four channels of a row of the tile. With moments, `withValue` collects values of a column around one
 * of them, which loses no digits to a large mean, and `putMoments` writes what came together of four columns.
 */
export const putFunctions = ({ tile, vecOut, bias, moments }: GatherShape): string => `
// Where the outputs of a tile lie: \`first\` is the element of their plane's begin, \`h\`, \`w\` and \`channel\` are the
// tile's first ones, \`tile\` is its number among those of the item and plane.
struct Outputs { first: u32, h: u32, w: u32, channel: u32, tile: u32 }

fn isInside(outputs: Outputs, row: u32) -> bool {
  return outputs.h + row / ${tile.width}u < p.countH && outputs.w + row % ${tile.width}u < p.countW;
}

fn put(outputs: Outputs, row: u32, column: u32, sum: vec4<f32>) {
  let h = outputs.h + row / ${tile.width}u;
  let w = outputs.w + row % ${tile.width}u;
  let c = outputs.channel + column;
  if (!isInside(outputs, row) || c >= p.outChannels) { return; }
  let at = outputs.first + (h * p.outStrideH * p.outWidth + w * p.outStrideW) * p.outChannels + c;
  ${
    vecOut
      ? `var value = sum;
  ${bias ? 'value += vec4(bias[c], bias[c + 1u], bias[c + 2u], bias[c + 3u]);' : ''}
  if (p.accumulate != 0u) { value += vec4<f32>(y[at / 4u]); }
  y[at / 4u] = y_t(value);`
      : `for (var k = 0u; k < min(4u, p.outChannels - c); k++) {
    var value = sum[k];
    ${bias ? 'value += bias[c + k];' : ''}
    if (p.accumulate != 0u) { value += f32(y[at + k]); }
    y[at + k] = y_t(value);
  }`
  }
}
${moments ? momentFunctions(tile) : ''}`;

const momentFunctions = ({ lines: height, width }: SharedTile) => `
// Sums of the differences of values from a centre, and of their squares.
struct Spread { sum: vec4<f32>, squares: vec4<f32> }

fn withValue(spread: Spread, value: vec4<f32>, centre: vec4<f32>, isInside: bool) -> Spread {
  if (!isInside) { return spread; }
  let d = value - centre;
  return Spread(spread.sum + d, spread.squares + d * d);
}

fn putMoments(outputs: Outputs, column: u32, centre: vec4<f32>, spread: Spread) {
  let count = f32(min(${height}u, p.countH - outputs.h) * min(${width}u, p.countW - outputs.w));
  let c = outputs.channel + column;
  for (var k = 0u; k < 4u && c + k < p.outChannels; k++) {
    let at = (outputs.tile * p.outChannels + c + k) * ${MOMENTS}u;
    moments[at] = count;
    moments[at + 1u] = centre[k] + spread.sum[k] / count;
    moments[at + 2u] = spread.squares[k] - spread.sum[k] * spread.sum[k] / count;
  }
}`;
