/**
 * The workgroup memory of the tiled kernels. One list of arrays gives both what a kernel declares and the bytes by which
 * tiles are chosen.
 */
import type { Dhw } from '../../../axes.ts';
import type { SharedTile } from '../choice/problem.ts';
import { blockOf } from './block.ts';
import { FRAGMENT, LANES } from './matrix.ts';

/** An array of vec4s in workgroup memory. */
export interface SharedArray {
  readonly name: string;
  readonly scalar: 'f32' | 'f16';
  readonly vec4s: number;
}

/** WGSL: the arrays' declarations. */
export const declarations = (arrays: readonly SharedArray[]): string =>
  arrays
    .map(({ name, scalar, vec4s }) => `var<workgroup> ${name}: array<vec4<${scalar}>, ${vec4s}>;`)
    .join('\n');

export const bytesOf = (arrays: readonly SharedArray[]): number =>
  arrays.reduce((sum, { scalar, vec4s }) => sum + vec4s * (scalar === 'f16' ? 8 : 16), 0);

/** Elements between the rows of an array that keep its columns in different banks. */
const PAD = 8;

/** vec4s from one row of an array to the next, where a row holds so many elements. */
export const rowVec4s = (elements: number): number => (elements + PAD) / 4;

/** Taps per axis of what a tile gathers, and its stride. */
interface Gathering {
  readonly taps: Dhw;
  readonly stride: Dhw;
}

/**
 * The arrays of a gather: `block` holds the inputs (see `block.ts`) a voxel a row, and afterwards the moments of an `fma`
 * tile; `taps` the weights of the taps along W, an input channel a row; `staged` the fragments on their way out, a row of
 * outputs a row.
 */
export function gatherMemory(
  tile: SharedTile,
  { taps, stride }: Gathering,
  withMoments: boolean,
): SharedArray[] {
  const { kernel, lines, width, channels, depth, threads } = tile;
  const { lines: inLines, voxels } = blockOf(lines, width, taps, stride);
  const inputs = inLines * voxels * rowVec4s(depth);
  if (kernel === 'fma') {
    return [
      { name: 'block', scalar: 'f32', vec4s: Math.max(inputs, withMoments ? momentVec4s(tile) : 0) },
      { name: 'taps', scalar: 'f32', vec4s: (taps[2] * depth * channels) / 4 },
    ];
  }
  return [
    { name: 'block', scalar: 'f16', vec4s: inputs },
    { name: 'staged', scalar: 'f32', vec4s: ((threads / LANES) * FRAGMENT * channels) / 4 },
  ];
}

/**
 * The arrays of a weight gradient: `strip` holds the lines of the gathered tensor, `centre` those of the centre, a voxel
 * a row; `staged` one fragment of each subgroup on its way out.
 */
export function gradientMemory(
  { kernel, width, channels, depth, threads }: SharedTile,
  { taps, stride }: Gathering,
): SharedArray[] {
  const { lines, voxels } = blockOf(1, width, taps, stride);
  const scalar = kernel === 'fma' ? 'f32' : 'f16';
  const staged = {
    name: 'staged',
    scalar: 'f32',
    vec4s: ((threads / LANES) * FRAGMENT * FRAGMENT) / 4,
  } as const;
  return [
    { name: 'strip', scalar, vec4s: lines * voxels * rowVec4s(depth) },
    { name: 'centre', scalar, vec4s: width * rowVec4s(channels) },
    ...(kernel === 'matrix' ? [staged] : []),
  ];
}

/** Voxels and channels whose sums an invocation keeps, in a gather by `fma`. */
export function sumsPerThread({ lines, width, channels, threads, voxelsPerThread = 8 }: SharedTile) {
  return [voxelsPerThread, (lines * width * channels) / (voxelsPerThread * threads)] as const;
}

/** vec4s in which a gather by `fma` joins the moments of its outputs: two for each sum, and the centres. */
function momentVec4s(tile: SharedTile): number {
  const [rowsEach] = sumsPerThread(tile);
  return (tile.channels / 4) * ((2 * tile.lines * tile.width) / rowsEach + 1);
}
