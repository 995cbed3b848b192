/**
 * Weights as the direct kernel reads them: blocks of [tap of D, tap of H, input channel, tap of W, channels of the
 * block] in f32, so that what one step of its innermost loop takes lies together.
 *
 * Parameters stay in PyTorch's layout [b, a, taps]; packing reorders (and, for input gradients, flips) them on
 * the GPU, once per step in training and once in all for inference.
 */
import type { Gpu } from '../../../device.ts';
import { type Launch, prepare, u32 } from '../../../kernel.ts';
import { empty, type Tensor } from '../../../tensor.ts';
import {
  type GatherGeometry,
  type GatherPlan,
  offsetOfSet,
  outputChannelsOf,
  packParams,
} from '../geometry.ts';

/** A uniform binding holds 64 KiB. */
export const UNIFORM_VEC4S = 4096;

/** What one dispatch reads: some input channels of one input, for blocks of output channels of one set of outputs or of several. */
export interface WeightBlocks {
  /** Which of the geometry's sets of outputs come first, and how many follow. */
  readonly firstSet: number;
  readonly sets: number;
  readonly input: number;
  /** The first and the number of channels within that input. */
  readonly inChannel: number;
  readonly inChannels: number;
  readonly outChannel: number;
  /** The blocks of each set. */
  readonly outBlocks: number;
  readonly blockVec4s: number;
  /** Their elements [start, start + count) of the packed tensor. */
  readonly start: number;
  readonly count: number;
  /** Whether they are the first to write their outputs; later ones accumulate. */
  readonly first: boolean;
}

export interface DirectWeights {
  readonly kind: 'direct';
  readonly tensor: Tensor;
  readonly geometry: GatherGeometry;
  readonly space: 'uniform' | 'storage';
  readonly blockChannels: number;
  readonly dispatches: readonly WeightBlocks[];
}

/** The packed tensor, which the caller releases, and the launches that fill it. */
export function packDirect(gpu: Gpu, plan: GatherPlan): { packed: DirectWeights; launches: Launch[] } {
  const { weights: selection, geometry } = plan;
  const { weight, inputChannels, firstTaps } = selection;
  const { taps } = geometry;
  const { count: outChannels } = outputChannelsOf(selection);
  const space = gpu.weightSpace;
  // On a GPU neighbouring invocations write neighbouring channels.
  const blockChannels = space === 'storage' ? 4 : outChannels >= 16 ? 16 : 8;
  const tapCount = taps[0] * taps[1] * taps[2];
  const dispatches = layOut(space, blockChannels, tapCount, outChannels, inputChannels, firstTaps.length);
  const last = dispatches.at(-1)!;
  const size = last.start + last.count + (space === 'uniform' ? UNIFORM_VEC4S * 4 : 0);
  const tensor = empty(gpu, [size]);
  const channelsBefore = inputChannels.map((_, i) => inputChannels.slice(0, i).reduce((x, y) => x + y, 0));
  // All blocks of the same input channels follow each other.
  const runs = Map.groupBy(dispatches, ({ input, inChannel }) => `${input} ${inChannel}`).values();
  const launches = [...runs].map((run) => {
    const [first] = run;
    const count = run.reduce((sum, blocks) => sum + blocks.count, 0);
    return prepare(gpu, {
      name: 'conv.pack',
      read: { weight },
      write: { packed: { tensor, start: first.start, count, vec4: true } },
      params: {
        count: u32(count / blockChannels),
        blockRows: u32((first.blockVec4s * 4) / blockChannels),
        outBlocks: u32(Math.ceil(outChannels / blockChannels)),
        inChannels: u32(first.inChannels),
        firstIn: u32(channelsBefore[first.input]! + first.inChannel),
        tapsDH: u32(taps[0] * taps[1]),
        ...packParams(plan),
      },
      code: packCode(blockChannels),
      invocations: count / blockChannels,
    });
  });
  return { packed: { kind: 'direct', tensor, geometry, space, blockChannels, dispatches }, launches };
}

/** Uniform bindings hold 64 KiB and begin at multiples of 256 bytes; so do all blocks. */
function layOut(
  space: 'uniform' | 'storage',
  blockChannels: number,
  taps: number,
  outChannels: number,
  inputChannels: readonly number[],
  sets: number,
): WeightBlocks[] {
  const dispatches: WeightBlocks[] = [];
  const outBlocks = Math.ceil(outChannels / blockChannels);
  const room = space === 'storage' ? Number.POSITIVE_INFINITY : UNIFORM_VEC4S * 4;
  const most = Math.max(4, Math.floor(room / (Math.max(1, taps) * blockChannels) / 8) * 8);
  let start = 0;
  inputChannels.forEach((channels, input) => {
    for (let inChannel = 0; inChannel < channels; inChannel += most) {
      const inChannels = Math.min(most, channels - inChannel);
      const block = Math.ceil((taps * inChannels * blockChannels) / 64) * 64;
      const fits = Math.max(1, Math.floor(room / block));
      const setsEach = Math.max(1, Math.floor(fits / outBlocks));
      for (let firstSet = 0; firstSet < sets; firstSet += setsEach) {
        const setsHere = Math.min(setsEach, sets - firstSet);
        for (let o = 0; o < outBlocks; o += fits) {
          const outBlocksHere = Math.min(fits, outBlocks - o);
          const count = block * setsHere * outBlocksHere;
          dispatches.push({
            firstSet,
            sets: setsHere,
            input,
            inChannel,
            inChannels,
            outChannel: o * blockChannels,
            outBlocks: outBlocksHere,
            blockVec4s: block / 4,
            start,
            count,
            first: input === 0 && inChannel === 0,
          });
          start += count;
        }
      }
    }
  });
  return dispatches;
}

/** An invocation packs a row: the channels of a block that one tap and input channel meet. */
const packCode = (blockChannels: number) => `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (i >= p.count) { return; }
  let block = i / p.blockRows;
  let row = i % p.blockRows;
  let ci = row / p.tapsW % p.inChannels;
  let t = row / (p.tapsW * p.inChannels);
  let co = p.firstOut + block % p.outBlocks * ${blockChannels}u;
  let outSet = block / p.outBlocks;
  let offset = ${offsetOfSet('outSet')};
  let tw = p.firstW + offset.z + row % p.tapsW * p.stepW;
  let th = p.firstH + offset.y + t % p.tapsH * p.stepH;
  let td = p.firstD + offset.x + t / p.tapsH * p.stepD;
  var at = co * p.outStep + (p.firstIn + ci) * p.inStep + (td * p.kernelH + th) * p.kernelW + tw;
  for (var c = 0u; c < ${blockChannels}u; c += 4u) {
    var four = vec4<f32>(0);
    for (var k = 0u; k < 4u; k++) {
      if (co + c + k < p.endOut && t < p.tapsDH) { four[k] = weight[at]; }
      at += p.outStep;
    }
    packed[(i * ${blockChannels}u + c) / 4u] = four;
  }
}`;
