/** The weight gradient (see `correlation.ts`) on the kernel that suits it. */

import { dhwOfList } from '../../axes.ts';
import type { Gpu } from '../../device.ts';
import type { Launch, Work } from '../../kernel.ts';
import { elementBytes, elementCount, empty, type Tensor } from '../../tensor.ts';
import { addShares } from '../reduce.ts';
import type { Tile } from './choice/problem.ts';
import { chooseTile } from './choice/tile.ts';
import type { Correlation, Slab, WeightGradientCall } from './correlation.ts';
import { canShare, correlateSharing } from './direct/sharingWeightGradient.ts';
import { correlateDirect, directInvocations } from './direct/weightGradient.ts';
import { correlateTiled, tiledWorkgroups } from './tiled/weightGradient.ts';

/** How many invocations of the direct kernel, or workgroups of a tiled one, fill the adapter. */
const ENOUGH = { software: 1024, hardware: 2 ** 18, workgroups: 2048 };
const MOST_SCRATCH_BYTES = 64 * 2 ** 20;

/**
 * The gradient by the kernel that is chosen, or by `tried`. Throws where dWeight's channels are not those of the tensors, or
 * a norm is given with several gathered tensors.
 */
export function weightGradient(gpu: Gpu, call: WeightGradientCall, tried?: Tile): Work {
  const { gathered, centre, dWeight, firstCentre } = call;
  const [batch, depth, height, , b] = centre.shape as [number, number, number, number, number];
  const a = gathered.reduce((sum, t) => sum + t.shape[4]!, 0);
  const [all, ...filter] = dWeight.shape as [number, ...number[]];
  if ((firstCentre === undefined ? all !== b : all < firstCentre + b) || filter[0] !== a) {
    throw new Error(`${call.name}: dWeight expects [${b},${a},…], got [${dWeight.shape}]`);
  }
  if (call.norm && gathered.length > 1) throw new Error(`${call.name}: a norm wants one input alone`);
  const size = b * elementCount(filter);
  const part = firstCentre === undefined ? undefined : { first: firstCentre * elementCount(filter), size };
  const tile =
    tried ??
    chooseTile(gpu, {
      pass: 'weightGradient',
      dtype: centre.dtype as 'f32' | 'f16',
      inputChannels: gathered.map((t) => t.shape[4]!),
      outputChannels: b,
      taps: dhwOfList(dWeight.shape, 2),
      stride: call.stride,
      outStride: [1, 1, 1],
      sets: 1,
      size: centre.shape.slice(0, 4) as unknown as [number, number, number, number],
    });
  const isDirect = tile.kernel === 'direct';
  const wanted = isDirect ? ENOUGH[gpu.adapter.software ? 'software' : 'hardware'] : ENOUGH.workgroups;
  const perShare = isDirect ? directInvocations(call) : tiledWorkgroups(call, tile);
  const correlate = (correlation: Correlation): Launch => {
    if (!isDirect) return correlateTiled(gpu, correlation, tile);
    return canShare(gpu, correlation)
      ? correlateSharing(gpu, correlation)
      : correlateDirect(gpu, correlation);
  };
  const most = Math.max(1, Math.floor(Math.min(MOST_SCRATCH_BYTES, gpu.maxBindingBytes) / (size * 4)));
  const rowsPerShare = Math.ceil((batch * depth * height) / Math.min(most, Math.ceil(wanted / perShare)));

  const planes = planesPerSlab(gpu, call);
  const slabs: Slab[] = [];
  for (let n = 0; n < batch; n++) {
    for (let z0 = 0; z0 < depth; z0 += planes) {
      const z1 = Math.min(depth, z0 + planes);
      slabs.push({ n, z0, z1, shares: Math.min(most, Math.ceil(((z1 - z0) * height) / rowsPerShare)) });
    }
  }
  const groups = inGroups(slabs, most);
  const shares = Math.max(...groups.map((group) => group.reduce((sum, s) => sum + s.shares, 0)));
  const scratch = empty(gpu, [shares, size]);
  const launches = groups.flatMap((group) => {
    let share = 0;
    const partial = group.flatMap((slab) => {
      const first = share;
      share += slab.shares;
      return gathered.map((_, index) => correlate({ call, slab, index, shares: scratch, firstShare: first }));
    });
    return [
      ...partial,
      addShares(gpu, `${call.name}.sum`, {
        shares: scratch,
        count: share,
        output: dWeight,
        part,
        accumulate: true,
      }),
    ];
  });
  return { launches, scratch: [scratch] };
}

/** Consecutive slabs whose shares fit the scratch tensor together. */
function inGroups(slabs: readonly Slab[], most: number): Slab[][] {
  const groups: Slab[][] = [];
  let room = 0;
  for (const slab of slabs) {
    if (slab.shares > room) {
      groups.push([]);
      room = most;
    }
    groups.at(-1)!.push(slab);
    room -= slab.shares;
  }
  return groups;
}

/** How many planes of `centre` fit a binding, and those that they gather another. Throws where none does. */
function planesPerSlab(gpu: Gpu, { gathered, centre, dWeight, stride }: WeightGradientCall): number {
  const fits = (t: Tensor) =>
    Math.floor(
      (gpu.maxBindingBytes / elementBytes(t.dtype) - 256) / (t.shape[2]! * t.shape[3]! * t.shape[4]!),
    );
  const fromGathered = gathered.map((t) => Math.floor((fits(t) - dWeight.shape[2]!) / stride[0]) + 1);
  const planes = Math.min(fits(centre), ...fromGathered);
  if (planes < 1) {
    throw new Error(
      `conv: a plane of [${centre.shape}] does not fit a binding of ${gpu.maxBindingBytes} bytes`,
    );
  }
  return planes;
}
