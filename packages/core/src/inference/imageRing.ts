/**
 * The part of a prepared image that windows are being cut from: planes in z order, in a ring on the GPU. Host planes
 * come in slabs, and are resampled and windowed there where they are not prepared yet.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { type IntensityWindow, windowIntensity } from '@organseg/kernels/ops/intensity.ts';
import { type AxisMaps, linearTable, trilinear } from '@organseg/kernels/ops/resample.ts';
import { ringRuns } from '@organseg/kernels/ring.ts';
import { copyInto, empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { Uploads } from '@organseg/kernels/transfer.ts';

/** The host's planes, where they are not the network's: HU on the scan's grid. */
export interface Resampling {
  readonly size: Dhw;
  /** Network index → host index, D, H, W. */
  readonly maps: AxisMaps;
  readonly intensity: IntensityWindow;
}

/** Values of host planes [from, to), plane by plane. */
export type Gather = (from: number, to: number, values: Float32Array) => void;

/** A slab that travels at once has at most so many bytes, or the fewest planes that make one of the network's. */
const SLAB_BYTES = 16 * 2 ** 20;

export class ImageRing {
  /** f32 [R, H, W] */
  readonly planes: Tensor;
  readonly #gpu: Gpu;
  readonly #size: Dhw;
  readonly #resampling: Resampling | undefined;
  readonly #uploads: Uploads;
  /** Planes of the network's grid in a slab. */
  readonly #slab: number;
  /** A slab as the host has it and as the network sees it; not needed where both are one. */
  readonly #hu: Tensor | undefined;
  readonly #prepared: Tensor | undefined;
  #filled = 0;

  constructor(gpu: Gpu, size: Dhw, depth: number, resampling: Resampling | undefined) {
    this.#gpu = gpu;
    this.#size = size;
    this.#resampling = resampling;
    const [, H, W] = size;
    const fitting = (plane: number) => Math.floor(SLAB_BYTES / 4 / plane);
    const network = Math.min(size[0], depth, Math.max(1, fitting(H * W)));
    this.planes = empty(gpu, [depth, H, W]);
    if (!resampling) {
      this.#slab = network;
      this.#uploads = new Uploads(gpu, network * H * W);
      return;
    }
    const [sourceD, sourceH, sourceW] = resampling.size;
    const { scale } = resampling.maps[0];
    // n planes have their sources in (n − 1)·scale + 3 planes.
    this.#slab = Math.max(1, Math.min(network, Math.floor((fitting(sourceH * sourceW) - 3) / scale) + 1));
    const most = Math.min(sourceD, Math.floor((this.#slab - 1) * scale) + 3);
    this.#uploads = new Uploads(gpu, most * sourceH * sourceW);
    this.#hu = empty(gpu, [most, sourceH, sourceW]);
    this.#prepared = empty(gpu, [this.#slab, H, W]);
  }

  /** How many planes have been filled in: the last `depth` of them are held. */
  get filled(): number {
    return this.#filled;
  }

  /** Begins anew with plane 0. */
  restart(): void {
    this.#filled = 0;
  }

  /** Fills in planes up to (and without) `to`. */
  async fill(to: number, gather: Gather): Promise<void> {
    while (this.#filled < to) {
      const end = Math.min(to, this.#filled + this.#slab);
      await this.#fillSlab(this.#filled, end, gather);
      this.#filled = end;
    }
  }

  async #fillSlab(from: number, to: number, gather: Gather): Promise<void> {
    const gpu = this.#gpu;
    const [, H, W] = this.#size;
    const plane = H * W;
    const runs = ringRuns(from, to, this.planes.shape[0]!);
    if (!this.#resampling) {
      const copies = runs.map((run) => ({
        from: (run.from - from) * plane,
        count: (run.to - run.from) * plane,
        target: this.planes,
        at: run.at * plane,
      }));
      await this.#uploads.upload((to - from) * plane, (values) => gather(from, to, values), copies);
      return;
    }
    const { size, maps, intensity } = this.#resampling;
    const [mapD, mapH, mapW] = maps;
    const lower = linearTable({ ...mapD, offset: mapD.offset + mapD.scale * from }, size[0], to - from);
    const first = lower[0]![0];
    const last = Math.min(size[0], lower.at(-1)![0] + 2);
    const count = (last - first) * size[1] * size[2];
    const hu = { ...this.#hu!, shape: [last - first, size[1], size[2]] };
    const prepared = { ...this.#prepared!, shape: [to - from, H, W] };
    await this.#uploads.upload(count, (values) => gather(first, last, values), [
      { from: 0, count, target: hu, at: 0 },
    ]);
    const inSlab = { scale: mapD.scale, offset: mapD.offset + mapD.scale * from - first };
    const { launches, scratch } = trilinear(gpu, { input: hu, output: prepared, maps: [inSlab, mapH, mapW] });
    runOnce(gpu, [...launches, ...windowIntensity(gpu, prepared, intensity)]);
    release(gpu, ...scratch);
    for (const run of runs) {
      const part = {
        ...prepared,
        shape: [run.to - run.from, H, W],
        offsetBytes: prepared.offsetBytes + 4 * (run.from - from) * plane,
      };
      copyInto(gpu, part, this.planes, run.at * plane);
    }
  }

  close(): void {
    this.#uploads.close();
    release(this.#gpu, this.planes);
    for (const tensor of [this.#hu, this.#prepared]) if (tensor) release(this.#gpu, tensor);
  }
}
