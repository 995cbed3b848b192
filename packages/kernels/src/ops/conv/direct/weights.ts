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
import { mapElements, mapInvocations } from '../../wgsl.ts';
import type { GatherGeometry, GatherPlan } from '../geometry.ts';

/** A uniform binding holds 64 KiB. */
export const UNIFORM_VEC4S = 4096;

/** What one dispatch reads: some input channels of one input, for one or all blocks of output channels. */
export interface WeightBlock {
  /** Which of the geometry's sets of outputs it is for. */
  readonly set: number;
  readonly input: number;
  /** The first and the number of channels within that input. */
  readonly inChannel: number;
  readonly inChannels: number;
  readonly outChannel: number;
  readonly outBlocks: number;
  readonly outBlockVec4s: number;
  /** Its elements [start, start + count) of the packed tensor. */
  readonly start: number;
  readonly count: number;
  /** Whether it is the first to write its outputs; later ones accumulate. */
  readonly first: boolean;
}

export interface DirectWeights {
  readonly kind: 'direct';
  readonly tensor: Tensor;
  readonly geometry: GatherGeometry;
  readonly space: 'uniform' | 'storage';
  readonly blockChannels: number;
  readonly blocks: readonly WeightBlock[];
}

/** The packed tensor, which the caller releases, and the launches that fill it. */
export function packDirect(
  gpu: Gpu,
  { weights: selection, geometry }: GatherPlan,
): { packed: DirectWeights; launches: Launch[] } {
  const { weight, inputAxis, inputChannels, firstTaps, tapStep } = selection;
  const { taps } = geometry;
  const [b, a, ...kernel] = weight.shape as [number, number, number, number, number];
  const { first: firstOut, count: outChannels } = selection.outputChannels ?? {
    first: 0,
    count: inputAxis === 'a' ? b : a,
  };
  const space = gpu.weightSpace;
  // On a GPU neighbouring invocations write neighbouring channels.
  const blockChannels = space === 'storage' ? 4 : outChannels >= 16 ? 16 : 8;
  const tapCount = taps[0] * taps[1] * taps[2];
  const blocks = layOut(space, blockChannels, tapCount, outChannels, inputChannels, firstTaps.length);
  const last = blocks.at(-1)!;
  const size = last.start + last.count + (space === 'uniform' ? UNIFORM_VEC4S * 4 : 0);
  const tensor = empty(gpu, [size]);
  const channelsBefore = inputChannels.map((_, i) => inputChannels.slice(0, i).reduce((x, y) => x + y, 0));
  // Blocks of the same input channels follow each other.
  const runs = Map.groupBy(blocks, ({ set, input, inChannel }) => `${set} ${input} ${inChannel}`).values();
  const launches = [...runs].map((run) => {
    const [first] = run;
    const count = run.reduce((sum, block) => sum + block.count, 0);
    return prepare(gpu, {
      name: 'conv.pack',
      read: { weight },
      write: { packed: { tensor, start: first.start, count } },
      params: {
        count: u32(count),
        blockSize: u32(first.outBlockVec4s * 4),
        inChannels: u32(first.inChannels),
        firstIn: u32(channelsBefore[first.input] + first.inChannel),
        firstOut: u32(firstOut),
        endOut: u32(firstOut + outChannels),
        inStep: u32((inputAxis === 'a' ? 1 : a) * kernel[0] * kernel[1] * kernel[2]),
        outStep: u32((inputAxis === 'a' ? a : 1) * kernel[0] * kernel[1] * kernel[2]),
        kernelH: u32(kernel[1]),
        kernelW: u32(kernel[2]),
        tapsH: u32(taps[1]),
        tapsW: u32(taps[2]),
        tapsDH: u32(taps[0] * taps[1]),
        firstD: u32(firstTaps[first.set]![0]),
        firstH: u32(firstTaps[first.set]![1]),
        firstW: u32(firstTaps[first.set]![2]),
        // Negative steps wrap, as u32 arithmetic does.
        stepD: u32(tapStep[0]),
        stepH: u32(tapStep[1]),
        stepW: u32(tapStep[2]),
      },
      code: packCode(blockChannels),
      invocations: mapInvocations(count),
    });
  });
  return { packed: { kind: 'direct', tensor, geometry, space, blockChannels, blocks }, launches };
}

/** Uniform bindings hold 64 KiB and begin at multiples of 256 bytes; so do all blocks. */
function layOut(
  space: 'uniform' | 'storage',
  blockChannels: number,
  taps: number,
  outChannels: number,
  inputChannels: readonly number[],
  sets: number,
): WeightBlock[] {
  const blocks: WeightBlock[] = [];
  const outBlocks = Math.ceil(outChannels / blockChannels);
  const most =
    space === 'storage'
      ? Number.POSITIVE_INFINITY
      : Math.max(4, Math.floor((UNIFORM_VEC4S * 4) / (Math.max(1, taps) * blockChannels) / 8) * 8);
  let start = 0;
  const add = (
    set: number,
    input: number,
    inChannel: number,
    inChannels: number,
    outBlock: number,
    n: number,
  ) => {
    const blockSize = Math.ceil((taps * inChannels * blockChannels) / 64) * 64;
    blocks.push({
      set,
      input,
      inChannel,
      inChannels,
      outChannel: outBlock * blockChannels,
      outBlocks: n,
      outBlockVec4s: blockSize / 4,
      start,
      count: blockSize * n,
      first: input === 0 && inChannel === 0,
    });
    start += blockSize * n;
  };
  for (let set = 0; set < sets; set++) {
    inputChannels.forEach((channels, input) => {
      for (let c = 0; c < channels; c += most) {
        const inChannels = Math.min(most, channels - c);
        if (space === 'storage') add(set, input, c, inChannels, 0, outBlocks);
        else for (let o = 0; o < outBlocks; o++) add(set, input, c, inChannels, o, 1);
      }
    });
  }
  return blocks;
}

const packCode = (blockChannels: number) =>
  mapElements(`
    let c = i % ${blockChannels}u;
    let row = i % p.blockSize / ${blockChannels}u;
    let ci = row / p.tapsW % p.inChannels;
    let t = row / (p.tapsW * p.inChannels);
    let co = p.firstOut + i / p.blockSize * ${blockChannels}u + c;
    let tw = p.firstW + (row % p.tapsW) * p.stepW;
    let th = p.firstH + (t % p.tapsH) * p.stepH;
    let td = p.firstD + (t / p.tapsH) * p.stepD;
    let at = co * p.outStep + (p.firstIn + ci) * p.inStep + (td * p.kernelH + th) * p.kernelW + tw;
    packed[i] = select(0.0, weight[min(at, arrayLength(&weight) - 1u)], co < p.endOut && t < p.tapsDH);`);
