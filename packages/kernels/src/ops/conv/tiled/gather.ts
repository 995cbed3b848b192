/**
 * The gather (see `geometry.ts`) as an implicit GEMM. A workgroup computes `lines` × `width` outputs of `channels`
 * channels. For each tap of D and each chunk of input channels it loads one block of inputs (see `block.ts`), which all
 * taps along H and W share, and multiplies it by those taps' weights; meanwhile the next block is on its way.
 *
 * Concatenated inputs are read where they lie. Inputs of any channels are loaded as they are (as wide as their
 * channels allow) and become f32 for `fma`, f16 for `matrix`.
 */
import type { Gpu } from '../../../device.ts';
import { i32, type Launch, prepare, u32 } from '../../../kernel.ts';
import { byteLength, elementCount, type Tensor } from '../../../tensor.ts';
import { viewOf } from '../../../views.ts';
import { range } from '../../wgsl.ts';
import { counts, type GatherCall, gatherParams, planesRead, slabs } from '../geometry.ts';
import { normParams, normRead } from '../inputNorm.ts';
import { blockOf } from './block.ts';
import { gatherCode } from './gatherCode.ts';
import { bindingOf, readingOf } from './load.ts';
import { matrixText } from './matrix.ts';
import { gatherMemory } from './memory.ts';
import { loopEnd } from './text.ts';
import type { TiledWeights } from './weights.ts';

export interface TiledOptions {
  /** How many shares of the sum are computed; the output holds that many batches, one share behind the other. */
  readonly splits?: number;
  /** f32 [N, momentStrips, C, 3]: the moments (see `moments.ts`) of each tile's outputs, written. All must fit bindings. */
  readonly moments?: Tensor;
}

/** One launch where all tensors fit bindings, else one for each item and slab of planes. */
export function tiledGather(
  gpu: Gpu,
  call: GatherCall,
  weights: TiledWeights,
  { splits = 1, moments }: TiledOptions = {},
): Launch[] {
  const ranges = slabs(gpu, call.inputs, call.output, weights.geometry);
  const items = call.inputs[0]!.shape[0]!;
  if (fitsBindings(gpu, ...call.inputs, call.output)) {
    return [gatherSlab(gpu, call, weights, { n: 0, items, splits, moments, slab: ranges[0]! })];
  }
  return range(items).flatMap((n) =>
    ranges.map((slab) =>
      gatherSlab(gpu, call, weights, { n, items: 1, splits: 1, moments: undefined, slab }),
    ),
  );
}

/** The number of tiles that an output's item has along D, H and W: each gives the moments of its voxels. */
export function momentStrips({ shape }: Tensor, { geometry, tile }: TiledWeights): number {
  const [d, h, w] = counts(shape, geometry);
  return d * Math.ceil(h / tile.lines) * Math.ceil(w / tile.width);
}

/** Whether each of the tensors fits a binding whole. */
export const fitsBindings = (gpu: Gpu, ...tensors: Tensor[]): boolean =>
  tensors.every(({ shape, dtype }) => byteLength(shape, dtype) <= gpu.maxBindingBytes);

/** What one launch computes. */
interface Part {
  /** The first batch item and their number; more than one where tensors are bound whole. */
  readonly n: number;
  readonly items: number;
  readonly splits: number;
  readonly moments: Tensor | undefined;
  /** Outputs [j0, j1) along D. */
  readonly slab: readonly [number, number];
}

function gatherSlab(
  gpu: Gpu,
  call: GatherCall,
  weights: TiledWeights,
  { n, items, splits, moments, slab }: Part,
) {
  const { inputs, output, bias, norm } = call;
  const { geometry: g, tile, columns, tensor } = weights;
  const [depth, channels] = [output.shape[1]!, output.shape[4]!];
  const [j0, j1] = slab;
  const [, countH, countW] = counts(output.shape, g);
  const [inFirst, inEnd] = planesRead(g, inputs[0]!.shape[1]!, slab);
  const lastSet = g.outOffsets.at(-1)!;
  const outFirst = j0 * g.outStride[0] + g.outOffsets[0]![0];
  const outEnd = (j1 - 1) * g.outStride[0] + lastSet[0] + 1;
  const planes = (t: Tensor, first: number, end: number) => {
    const [, d, h, w, c] = t.shape as [number, number, number, number, number];
    if (items * splits > 1) return { ...viewOf(t, 0, elementCount(t.shape)), first: 0 };
    return { ...viewOf(t, (n * d + first) * h * w * c, (n * d + end) * h * w * c), first: first * h * w * c };
  };
  const x = inputs.map((input) => planes(input, inFirst, inEnd));
  const y = planes(output, outFirst, outEnd);
  const vecOut = channels % 4 === 0;
  const reading = readingOf(inputs, tile.kernel === 'matrix' ? 'f16' : 'f32');
  const tiles = [
    (columns / tile.channels) * g.outOffsets.length,
    Math.ceil(countW / tile.width),
    Math.ceil(countH / tile.lines),
    j1 - j0,
    items,
    splits,
  ];
  const groups = tiles.reduce((a, b) => a * b, 1);
  const text = matrixText(gpu);
  return prepare(gpu, {
    name: call.name,
    read: {
      ...Object.fromEntries(x.map((view, i) => [`x${i}`, { ...view, ...bindingOf(reading) }])),
      w: { tensor, start: 0, count: tensor.shape[0]! * tensor.shape[1]!, vec4: true },
      ...(bias && { bias }),
      ...normRead(norm, reading > 1),
    },
    write: { y: { ...y, vec4: vecOut }, ...(moments && { moments }) },
    params: {
      groups: u32(groups),
      columnTiles: u32(tiles[0]!),
      widthTiles: u32(tiles[1]!),
      heightTiles: u32(tiles[2]!),
      firstItem: u32(n),
      items: u32(items),
      splits: u32(splits),
      ...gatherParams(g, inputs[0]!, output, slab, g.outOffsets[0]!),
      ...Object.fromEntries(
        x.flatMap((view, i) => [
          [`channels${i}`, u32(inputs[i]!.shape[4]!)],
          // Where voxel (n, 0, 0, 0) lies, counted from the binding's begin.
          [`shift${i}`, i32(view.shift - view.first)],
        ]),
      ),
      weightVec4s: u32(tensor.shape[1]! / 4),
      columns: u32(columns),
      sets: u32(g.outOffsets.length),
      outDepth: u32(depth),
      outShift: i32(y.shift - y.first),
      accumulate: u32(call.accumulate ? 1 : 0),
      ...normParams(norm),
    },
    directives: tile.kernel === 'matrix' ? text.directives : [],
    code: gatherCode({
      tile,
      block: blockOf(tile.lines, tile.width, g.taps, g.inStride),
      memory: gatherMemory(tile, { taps: g.taps, stride: g.inStride }, moments !== undefined),
      text,
      reading,
      stored: inputs[0]!.dtype as 'f32' | 'f16',
      inputs: inputs.length,
      vecOut,
      bias: Boolean(bias),
      isNormed: norm !== undefined,
      moments: moments !== undefined,
      tapsH: g.taps[1],
      tapsW: g.taps[2],
      strideH: g.inStride[1],
      strideW: g.inStride[2],
      end: loopEnd(gpu),
    }),
    workgroupSize: tile.threads,
    invocations: groups * tile.threads,
  });
}
