/** The gather (see `geometry.ts`) on the kernel that suits it. */
import type { Gpu } from '../../device.ts';
import { joinWork, type Launch, prepare, u32, type Work } from '../../kernel.ts';
import { byteLength, elementCount, empty, type Tensor } from '../../tensor.ts';
import { statistics } from '../instanceNorm.ts';
import { joinMoments, MOMENTS } from '../moments.ts';
import { mapElements, mapInvocations } from '../wgsl.ts';
import { directGather } from './directGather.ts';
import { type DirectWeights, packDirect } from './directWeights.ts';
import { counts, type GatherCall, type GatherPlan } from './geometry.ts';
import { chooseTile } from './tile.ts';
import { fitsBindings, momentStrips, tiledGather } from './tiledGather.ts';
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

/** One gather with packed weights. */
export function gather(gpu: Gpu, call: GatherCall, weights: PackedWeights): Work {
  const { inputs, output, bias, accumulate, stats, norm } = call;
  if (norm && inputs.length > 1) throw new Error(`${call.name}: a norm wants one input alone`);
  const withStats = (work: Work) =>
    stats ? joinWork(work, statistics(gpu, { input: output, stats })) : work;
  if (weights.kind === 'direct') {
    return withStats({ launches: directGather(gpu, call, weights), scratch: [] });
  }
  const [batch, ...item] = output.shape as [number, ...number[]];
  const { splits = 1 } = weights.tile;
  const shares = [splits * batch, ...item];
  const isWhole = weights.geometry.outStride.every((stride) => stride === 1);
  const fits = byteLength(shares, 'f32') <= gpu.maxBindingBytes && fitsBindings(gpu, ...inputs, output);
  if (splits > 1 && isWhole && fits) {
    const partial = empty(gpu, shares);
    const part = { name: call.name, inputs, output: partial, norm };
    const launches = [...tiledGather(gpu, part, weights, { splits }), addSplits(gpu, call, partial, splits)];
    return withStats({ launches, scratch: [partial] });
  }
  if (!stats || !isWhole || !fits || bias || accumulate) {
    return withStats({ launches: tiledGather(gpu, call, weights), scratch: [] });
  }
  const moments = empty(gpu, [batch, momentStrips(output, weights), output.shape[4]!, MOMENTS]);
  const launches = [...tiledGather(gpu, call, weights, { moments }), joinMoments(gpu, moments, stats)];
  return { launches, scratch: [moments] };
}

/** output (+)= Σ_s partial[s] + bias */
function addSplits(
  gpu: Gpu,
  { name, output, bias, accumulate }: GatherCall,
  partial: Tensor,
  splits: number,
) {
  const size = elementCount(output.shape);
  return prepare(gpu, {
    name: `${name}.splits`,
    read: { partial, ...(bias && { bias }) },
    write: { y: output },
    params: { size: u32(size), splits: u32(splits), channels: u32(output.shape[4]!) },
    code: mapElements(
      `
    var sum = ${bias ? 'bias[i % p.channels]' : '0.0'};
    for (var s = 0u; s < p.splits; s++) { sum += partial[s * p.size + i]; }
    y[i] = y_t(${accumulate ? 'f32(y[i]) + ' : ''}sum);`,
      'p.size',
    ),
    invocations: mapInvocations(size),
  });
}
