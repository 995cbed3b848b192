/** The gather (see `geometry.ts`) on the kernel that suits it. */
import type { Gpu } from '../../device.ts';
import type { Launch } from '../../kernel.ts';
import { directGather } from './directGather.ts';
import { type DirectWeights, packDirect } from './directWeights.ts';
import { counts, type GatherCall, type GatherPlan } from './geometry.ts';
import { chooseTile } from './tile.ts';
import { tiledGather } from './tiledGather.ts';
import { packTiled, type TiledWeights } from './tiledWeights.ts';

export type PackedWeights = DirectWeights | TiledWeights;

/** Packs weights as the chosen kernel reads them; the caller releases `packed.tensor`. */
export function packWeights(gpu: Gpu, plan: GatherPlan): { packed: PackedWeights; launches: Launch[] } {
  const { weight, inputAxis, inputChannels, outputChannels } = plan.weights;
  const [b, a] = weight.shape as [number, number];
  const [inTotal, outTotal] = inputAxis === 'a' ? [a, b] : [b, a];
  if (inputChannels.reduce((x, y) => x + y, 0) !== inTotal) {
    throw new Error(`conv: weight [${weight.shape}] expects ${inTotal} input channels, got ${inputChannels}`);
  }
  const tile = chooseTile(gpu, {
    pass: 'gather',
    dtype: plan.dtype,
    inputChannels,
    outputChannels: outputChannels?.count ?? outTotal,
    taps: plan.geometry.taps,
    stride: plan.geometry.inStride,
    outStride: plan.geometry.outStride,
    sets: plan.geometry.outOffsets.length,
    size: [plan.output[0]!, ...counts(plan.output, plan.geometry)],
  });
  return tile.kernel === 'direct' ? packDirect(gpu, plan) : packTiled(gpu, plan, tile);
}

/** The launches of one gather with packed weights. */
export const gather = (gpu: Gpu, call: GatherCall, weights: PackedWeights): Launch[] =>
  weights.kind === 'direct' ? directGather(gpu, call, weights) : tiledGather(gpu, call, weights);
