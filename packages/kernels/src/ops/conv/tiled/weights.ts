/**
 * Weights as the tiled kernels read them: a matrix of rows × columns.
 *
 * Rows are the terms of a sum in the order in which they are added: input, tap of D, chunk of `depth` input channels
 * (the last filled up with zeros), tap of H, tap of W, channel. Columns are the output channels of each set of outputs,
 * filled up to a multiple of the tile's. For `matrix` it is cut into fragments, row by row of them, each of which lies
 * column by column: a subgroup reads 512 bytes as they come, in pairs of rows as its registers hold them.
 */
import type { Gpu } from '../../../device.ts';
import { type Launch, prepare, u32 } from '../../../kernel.ts';
import { empty, type Tensor } from '../../../tensor.ts';
import { mapElements, mapInvocations } from '../../wgsl.ts';
import type { SharedTile } from '../choice/problem.ts';
import {
  type GatherGeometry,
  type GatherPlan,
  offsetOfSet,
  outputChannelsOf,
  packParams,
} from '../geometry.ts';
import { FRAGMENT } from './matrix.ts';

export interface TiledWeights {
  readonly kind: 'tiled';
  readonly tensor: Tensor;
  readonly geometry: GatherGeometry;
  readonly tile: SharedTile;
  /** The columns of one set of outputs, filled up. */
  readonly columns: number;
}

/** The packed tensor, f32 or f16 as the activations, which the caller releases, and the launches that fill it. */
export function packTiled(
  gpu: Gpu,
  plan: GatherPlan,
  tile: SharedTile,
): { packed: TiledWeights; launches: Launch[] } {
  const { weights: selection, geometry, dtype } = plan;
  const { weight, firstTaps, inputChannels } = selection;
  const { taps } = geometry;
  const { count } = outputChannelsOf(selection);
  const columns = Math.ceil(count / tile.channels) * tile.channels;
  const width = columns * firstTaps.length;
  const rows = inputChannels.map((n) => Math.ceil(n / tile.depth) * tile.depth * taps[0] * taps[1] * taps[2]);
  const tensor = empty(gpu, [rows.reduce((x, y) => x + y, 0), width], dtype);
  let firstRow = 0;
  let firstIn = 0;
  const launches = inputChannels.map((channels, input) => {
    const size = rows[input]! * width;
    const launch = prepare(gpu, {
      name: 'conv.pack',
      read: { weight },
      write: { packed: tensor },
      params: {
        count: u32(size),
        start: u32(firstRow * width),
        width: u32(width),
        columns: u32(columns),
        channels: u32(channels),
        chunks: u32(Math.ceil(channels / tile.depth)),
        firstIn: u32(firstIn),
        ...packParams(plan),
      },
      code: packCode(tile),
      invocations: mapInvocations(size),
    });
    firstRow += rows[input]!;
    firstIn += channels;
    return launch;
  });
  return { packed: { kind: 'tiled', tensor, geometry, tile, columns }, launches };
}

const PLACE = {
  fma: `let row = i / p.width;
    let column = i % p.width;`,
  matrix: `let fragment = i / ${FRAGMENT ** 2}u;
    let row = fragment / (p.width / ${FRAGMENT}u) * ${FRAGMENT}u + i % ${FRAGMENT}u;
    let column = fragment % (p.width / ${FRAGMENT}u) * ${FRAGMENT}u + i / ${FRAGMENT}u % ${FRAGMENT}u;`,
};

/** Sets of outputs, where there are several, are the places of a block of outStride in raster order. */
const packCode = ({ kernel, depth }: SharedTile) =>
  mapElements(`
    ${PLACE[kernel]}
    let outSet = column / p.columns;
    let co = p.firstOut + column % p.columns;
    let tap = row / ${depth}u;
    let ci = tap / (p.tapsW * p.tapsH) % p.chunks * ${depth}u + row % ${depth}u;
    let offset = ${offsetOfSet('outSet')};
    let tw = p.firstW + offset.z + tap % p.tapsW * p.stepW;
    let th = p.firstH + offset.y + tap / p.tapsW % p.tapsH * p.stepH;
    let td = p.firstD + offset.x + tap / (p.tapsW * p.tapsH * p.chunks) * p.stepD;
    let at = co * p.outStep + (p.firstIn + ci) * p.inStep + (td * p.kernelH + th) * p.kernelW + tw;
    packed[p.start + i] = packed_t(select(0.0, weight[min(at, arrayLength(&weight) - 1u)], co < p.endOut && ci < p.channels));`);
