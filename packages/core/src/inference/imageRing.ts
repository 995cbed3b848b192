/**
 * The part of a prepared image that windows are being cut from: planes in z order, in a ring on the GPU for each
 * channel. They come in slabs, prepared on the way where the host has the scan as it was.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { ringRuns } from '@organseg/kernels/ring.ts';
import { copyInto, empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { Uploads } from '@organseg/kernels/transfer.ts';
import {
  type ReadPlanes,
  type Resampling,
  SlabPreparation,
  type SlabSource,
  slabPlanes,
} from './preprocess.ts';
import { TapPreparation, type TapResampling } from './tapPreparation.ts';

/** The last planes of an image that were filled in. */
export class ImageRing {
  /** Each channel's ring, f32 [depth, H, W]: plane d of the volume lies at d mod depth. */
  readonly channels: readonly Tensor[];
  readonly #gpu: Gpu;
  /** Voxels of a plane. */
  readonly #plane: number;
  /** The most planes that come at once. */
  readonly #slab: number;
  /** What brings slabs: as they are, or prepared. */
  readonly #source: SlabSource | Uploads;
  #filled = 0;

  /** Rings of `depth` planes of a volume of this size. */
  constructor(
    gpu: Gpu,
    size: Dhw,
    depth: number,
    channels: number,
    resampling: Resampling | TapResampling | undefined,
  ) {
    this.#gpu = gpu;
    const [, H, W] = size;
    this.#plane = H * W;
    this.channels = Array.from({ length: channels }, () => empty(gpu, [depth, H, W]));
    const slab = Math.min(depth, slabPlanes(size));
    if (resampling) {
      this.#source =
        'tables' in resampling
          ? new TapPreparation(gpu, size, resampling, slab)
          : new SlabPreparation(gpu, size, resampling, slab);
      this.#slab = this.#source.planes;
    } else {
      this.#source = new Uploads(gpu, slab * this.#plane);
      this.#slab = slab;
    }
  }

  /** The number of planes that have been filled in; the last `depth` of them are held. */
  get filled(): number {
    return this.#filled;
  }

  /** Begins anew with plane 0. */
  restart(): void {
    this.#filled = 0;
  }

  /** Fills in planes up to (and without) `to`. */
  async fill(to: number, readPlanes: ReadPlanes): Promise<void> {
    while (this.#filled < to) {
      const end = Math.min(to, this.#filled + this.#slab);
      for (const channel of this.channels.keys())
        await this.#fillSlab(this.#filled, end, readPlanes, channel);
      this.#filled = end;
    }
  }

  async #fillSlab(from: number, to: number, readPlanes: ReadPlanes, channel: number): Promise<void> {
    const ring = this.channels[channel]!;
    const copies = ringRuns(from, to, ring.shape[0]!).map((run) => ({
      from: (run.from - from) * this.#plane,
      count: (run.to - run.from) * this.#plane,
      target: ring,
      at: run.at * this.#plane,
    }));
    if (this.#source instanceof Uploads) {
      const fill = (values: Float32Array) => readPlanes(from, to, values, channel);
      await this.#source.upload((to - from) * this.#plane, fill, copies);
      return;
    }
    const prepared = await this.#source.prepare(from, to, readPlanes, channel);
    for (const { from: first, count, target, at } of copies) {
      const run = { ...prepared, shape: [count], offsetBytes: prepared.offsetBytes + 4 * first };
      copyInto(this.#gpu, run, target, at);
    }
  }

  close(): void {
    this.#source.close();
    release(this.#gpu, ...this.channels);
  }
}
