/** Label maps of prepared images on the network's own grid: for validation, and as pseudo-labels to train on. */

import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { NetworkConfig } from '../network/networkConfig.ts';
import type { NetworkMemory } from '../network/program.ts';
import { rowExtents } from '../volume/bodyRows.ts';
import { xyzOf } from './axes.ts';
import { Networks } from './networks.ts';
import { SlabStream } from './slabStream.ts';
import type { WindowWay } from './windows.ts';

/** How windows lie. */
export interface SlidingWindowOptions {
  readonly patch: Dhw;
  /** The distance of neighbouring windows as a share of the patch; 0.5 overlaps by half. */
  readonly windowStep: number;
  /** Whose windows are placed and weighed, ours unless given; nnU-Net looks at those of air too. */
  readonly windowWay?: WindowWay;
  /** The labels of the network's channels, where those are regions. */
  readonly regions?: readonly number[] | undefined;
  /** Stops the work between windows. */
  readonly signal?: AbortSignal | undefined;
}

/** What the network sees of a whole scan. */
export interface PreparedImage {
  readonly size: Dhw;
  /** The values of one channel after another, D, H, W. */
  readonly data: Float32Array;
}

/** Segments one image after another; the network keeps its memory in between. */
export class SlidingWindow {
  readonly #gpu: Gpu;
  readonly #options: SlidingWindowOptions;
  readonly #networks: Networks;

  constructor(gpu: Gpu, network: NetworkConfig, memory: NetworkMemory, options: SlidingWindowOptions) {
    this.#gpu = gpu;
    this.#options = options;
    this.#networks = new Networks(gpu, network, memory, { patch: options.patch });
  }

  /**
   * The class of each voxel, D, H, W. Windows of air, whose intensity is 0, are background unless nnU-Net's are placed.
   * `onWindow` is called with the share that is done.
   */
  labels(image: PreparedImage, onWindow?: (share: number) => void): Promise<Uint8Array> {
    return this.#stream(image, undefined, onWindow);
  }

  /**
   * The pseudo-label of each voxel, D, H, W, coded for training (kernels/codedLabels.ts): ignored where the class's
   * probability is below `least[class]`; of every class a number from 0, which counts always, to 1.
   */
  pseudoLabels(
    image: PreparedImage,
    least: readonly number[],
    onWindow?: (share: number) => void,
  ): Promise<Uint8Array> {
    return this.#stream(image, least, onWindow);
  }

  async #stream(
    { size, data }: PreparedImage,
    least: readonly number[] | undefined,
    onWindow: ((share: number) => void) | undefined,
  ): Promise<Uint8Array> {
    const { windowStep, windowWay, regions, signal } = this.#options;
    const plane = size[1] * size[2];
    const voxels = size[0] * plane;
    const rows = windowWay === 'nnunet' ? undefined : rowExtents({ shape: xyzOf(size), data }, 0);
    const labels = new Uint8Array(voxels);
    const stream = new SlabStream(
      this.#gpu,
      this.#networks,
      { size, windowStep, least, regions, ...(windowWay && { windowWay }) },
      { logits: 'f32', strips: 1 },
    );
    try {
      await stream.run(
        {
          readPlanes: (from, to, values, channel) =>
            values.set(data.subarray(channel * voxels + from * plane, channel * voxels + to * plane)),
          hasBody: (from, to) => !rows || rows.reach(xyzOf(from), xyzOf(to)),
        },
        { network: (block) => labels.set(block.labels, block.from * plane) },
        { signal, onShare: onWindow },
      );
    } finally {
      stream.close();
    }
    return labels;
  }

  close(): void {
    this.#networks.close();
  }
}
