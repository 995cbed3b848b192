/** The gather (see `geometry.ts`) on the kernel that suits it. */
import type { Gpu } from '../../device.ts';
import { joinWork, type Launch, type Work } from '../../kernel.ts';
import { byteLength, empty } from '../../tensor.ts';
import { statistics } from '../instanceNorm.ts';
import { joinMoments, MOMENTS } from '../moments.ts';
import { addShares } from '../reduce.ts';
import type { Tile } from './choice/problem.ts';
import { chooseTile } from './choice/tile.ts';
import { directGather } from './direct/gather.ts';
import { type DirectWeights, packDirect } from './direct/weights.ts';
import { counts, type GatherCall, type GatherPlan, outputChannelsOf } from './geometry.ts';
import { fitsBindings, momentStrips, tiledGather } from './tiled/gather.ts';
import { packTiled, type TiledWeights } from './tiled/weights.ts';

export type PackedWeights = DirectWeights | TiledWeights;

/**
 * Weights as the chosen kernel reads them, or `tried`, and the launches that pack them; the caller releases
 * `packed.tensor`. Throws where the inputs' channels are not the weight's.
 */
export function packWeights(
  gpu: Gpu,
  plan: GatherPlan,
  tried?: Tile,
): { packed: PackedWeights; launches: Launch[] } {
  const { weight, inputAxis, inputChannels } = plan.weights;
  const inTotal = weight.shape[inputAxis === 'a' ? 1 : 0]!;
  if (inputChannels.reduce((x, y) => x + y, 0) !== inTotal) {
    throw new Error(`conv: weight [${weight.shape}] expects ${inTotal} input channels, got ${inputChannels}`);
  }
  const [depth, height, width] = counts(plan.output, plan.geometry);
  const tile =
    tried ??
    chooseTile(gpu, {
      pass: 'gather',
      dtype: plan.dtype,
      inputChannels,
      outputChannels: outputChannelsOf(plan.weights).count,
      taps: plan.geometry.taps,
      stride: plan.geometry.inStride,
      outStride: plan.geometry.outStride,
      sets: plan.geometry.outOffsets.length,
      size: [plan.output[0]!, depth, height, width],
    });
  return tile.kernel === 'direct' ? packDirect(gpu, plan) : packTiled(gpu, plan, tile);
}

/** One gather with packed weights. Throws where a norm is given with several inputs. */
export function gather(gpu: Gpu, call: GatherCall, weights: PackedWeights): Work {
  const { inputs, output, bias, accumulate, stats, norm } = call;
  if (norm && inputs.length > 1) throw new Error(`${call.name}: a norm wants one input alone`);
  const withStats = (work: Work) =>
    stats ? joinWork(work, statistics(gpu, { input: output, stats })) : work;
  if (weights.kind === 'direct') {
    return withStats({ launches: directGather(gpu, call, weights), scratch: [] });
  }
  const [batch, ...item] = output.shape as [number, ...number[]];
  // Whether one launch computes every output, in its place.
  const isWhole =
    weights.geometry.outStride.every((stride) => stride === 1) && fitsBindings(gpu, ...inputs, output);
  const { splits: count = 1 } = weights.tile;
  const shape = [count * batch, ...item];
  if (count > 1 && isWhole && byteLength(shape, 'f32') <= gpu.maxBindingBytes) {
    const shares = empty(gpu, shape);
    const part = { name: call.name, inputs, output: shares, norm };
    const launches = [
      ...tiledGather(gpu, part, weights, { splits: count }),
      addShares(gpu, `${call.name}.sum`, { shares, count, output, bias, accumulate }),
    ];
    return withStats({ launches, scratch: [shares] });
  }
  if (!stats || !isWhole || bias || accumulate) {
    return withStats({ launches: tiledGather(gpu, call, weights), scratch: [] });
  }
  const moments = empty(gpu, [batch, momentStrips(output, weights), output.shape[4]!, MOMENTS]);
  const launches = [...tiledGather(gpu, call, weights, { moments }), joinMoments(gpu, moments, stats)];
  return { launches, scratch: [moments] };
}
