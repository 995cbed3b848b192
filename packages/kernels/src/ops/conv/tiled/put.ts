/** How a tile of a gather writes its outputs, and their moments. */
import { MOMENTS } from '../../moments.ts';
import type { SharedTile } from '../choice/problem.ts';
import type { TiledShape } from './gatherMultiply.ts';

/** WGSL: `put` writes four channels of a row of the tile, `putMoments` those of a column. */
export const putFunctions = ({ tile, vecOut, bias, moments }: TiledShape): string => `
struct Place { first: u32, h: u32, w: u32, channel: u32, tile: u32 }

fn isInside(place: Place, row: u32) -> bool {
  return place.h + row / ${tile.width}u < p.countH && place.w + row % ${tile.width}u < p.countW;
}

// Writes four channels of output \`row\` of the tile.
fn put(place: Place, row: u32, column: u32, sum: vec4<f32>) {
  let h = place.h + row / ${tile.width}u;
  let w = place.w + row % ${tile.width}u;
  let c = place.channel + column;
  if (!isInside(place, row) || c >= p.outChannels) { return; }
  let at = place.first + (h * p.outStrideH * p.outWidth + w * p.outStrideW) * p.outChannels + c;
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

${moments ? putMoments(tile) : ''}`;

/** Writes the moments of four channels of the tile, from sums of differences to a centre and of their squares. */
const putMoments = ({ lines: height, width }: SharedTile) => `
fn putMoments(place: Place, column: u32, centre: vec4<f32>, sum: vec4<f32>, squares: vec4<f32>) {
  let count = f32(min(${height}u, p.countH - place.h) * min(${width}u, p.countW - place.w));
  let c = place.channel + column;
  for (var k = 0u; k < 4u && c + k < p.outChannels; k++) {
    let at = (place.tile * p.outChannels + c + k) * ${MOMENTS}u;
    moments[at] = count;
    moments[at + 1u] = centre[k] + sum[k] / count;
    moments[at + 2u] = squares[k] - sum[k] * sum[k] / count;
  }
}`;
