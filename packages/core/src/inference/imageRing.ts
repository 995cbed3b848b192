/**
 * The part of a prepared image that windows are being cut from: planes in z order, in a ring on the GPU. They come in
 * slabs, prepared on the way where the host has them as HU.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { ringRuns } from '@organseg/kernels/ring.ts';
import { copyInto, empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { Uploads } from '@organseg/kernels/transfer.ts';
import { type ReadPlanes, type Resampling, SlabPreparation, slabPlanes } from './preprocess.ts';

/** The last planes of an image that were filled in. */
export class ImageRing {
  /** The ring, f32 [depth, H, W]: plane d of the volume lies at d mod depth. */
  readonly planes: Tensor;
  readonly #gpu: Gpu;
  /** Voxels of a plane. */
  readonly #plane: number;
  /** The most planes that come at once. */
  readonly #slab: number;
  /** What brings slabs: as they are, or prepared. */
  readonly #source: SlabPreparation | Uploads;
  #filled = 0;

  /** A ring of `depth` planes of a volume of this size. */
  constructor(gpu: Gpu, size: Dhw, depth: number, resampling: Resampling | undefined) {
    this.#gpu = gpu;
    const [, H, W] = size;
    this.#plane = H * W;
    this.planes = empty(gpu, [depth, H, W]);
    const slab = Math.min(depth, slabPlanes(size));
    if (resampling) {
      this.#source = new SlabPreparation(gpu, size, resampling, slab);
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
      await this.#fillSlab(this.#filled, end, readPlanes);
      this.#filled = end;
    }
  }

  async #fillSlab(from: number, to: number, readPlanes: ReadPlanes): Promise<void> {
    const copies = ringRuns(from, to, this.planes.shape[0]!).map((run) => ({
      from: (run.from - from) * this.#plane,
      count: (run.to - run.from) * this.#plane,
      target: this.planes,
      at: run.at * this.#plane,
    }));
    if (this.#source instanceof Uploads) {
      const fill = (values: Float32Array) => readPlanes(from, to, values);
      await this.#source.upload((to - from) * this.#plane, fill, copies);
      return;
    }
    const prepared = await this.#source.prepare(from, to, readPlanes);
    for (const { from: first, count, target, at } of copies) {
      const run = { ...prepared, shape: [count], offsetBytes: prepared.offsetBytes + 4 * first };
      copyInto(this.#gpu, run, target, at);
    }
  }

  close(): void {
    this.#source.close();
    release(this.#gpu, this.planes);
  }
}
