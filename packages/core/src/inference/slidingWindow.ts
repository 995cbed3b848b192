/** Label maps of prepared volumes on the network's own grid, as validation needs them. */

import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { NetworkMemory } from '../network/program.ts';
import type { UnetConfig } from '../network/unet.ts';
import { rowExtents } from '../volume/bodyRows.ts';
import type { Volume } from '../volume/volume.ts';
import { dhwOf, xyzOf } from './axes.ts';
import type { LabelBlock } from './labelSlab.ts';
import { Networks } from './networks.ts';
import { SlabStream } from './slabStream.ts';

export interface SlidingWindowOptions {
  /** D, H, W. */
  readonly patch: Dhw;
  /** Of the patch, between neighbouring windows; 0.5 overlaps by half. */
  readonly step: number;
  /** Stops between windows. */
  readonly signal?: AbortSignal | undefined;
}

/** Segments one volume after another, with the network's memory in between. */
export class SlidingWindow {
  readonly #gpu: Gpu;
  readonly #options: SlidingWindowOptions;
  readonly #networks: Networks;

  constructor(gpu: Gpu, network: UnetConfig, memory: NetworkMemory, options: SlidingWindowOptions) {
    this.#gpu = gpu;
    this.#options = options;
    this.#networks = new Networks(gpu, network, memory, { patch: options.patch });
  }

  /** The class of each voxel. Air, which is 0, is background. `onWindow` is called with the share that is done. */
  async labels(image: Volume<Float32Array>, onWindow?: (share: number) => void): Promise<Volume<Uint8Array>> {
    const { step, signal } = this.#options;
    const size = dhwOf(image.shape);
    const plane = size[1] * size[2];
    const rows = rowExtents(image, 0);
    const data = new Uint8Array(image.data.length);
    const stream = new SlabStream(this.#gpu, this.#networks, { size, step }, { logits: 'f32', strips: 1 });
    try {
      await stream.run(
        {
          readPlanes: (from, to, values) => values.set(image.data.subarray(from * plane, to * plane)),
          hasBody: (from, to) => rows.reach(xyzOf(from), xyzOf(to)),
        },
        { network: ({ from, labels }: LabelBlock) => data.set(labels, from * plane) },
        { signal, onShare: onWindow },
      );
    } finally {
      stream.close();
    }
    return { shape: image.shape, affine: image.affine, data };
  }

  close(): void {
    this.#networks.close();
  }
}
