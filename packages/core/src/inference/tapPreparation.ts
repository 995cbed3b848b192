/**
 * From planes as the host has them to what the network sees, slab by slab, each axis resampled by a table of taps. A
 * plane is resampled along W and H when it comes, and then held in a ring until all of the network's planes that it has
 * a share in are made. A voxel's value does not depend on where slabs begin.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { type Launch, runOnce } from '@organseg/kernels/kernel.ts';
import { clampAlong } from '@organseg/kernels/ops/clampAlong.ts';
import { resampleTaps } from '@organseg/kernels/ops/resampleTaps.ts';
import { ringRuns } from '@organseg/kernels/ring.ts';
import { empty, fromArray, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { Uploads } from '@organseg/kernels/transfer.ts';
import { rowRanges, viewElements } from '@organseg/kernels/views.ts';
import { planesFitting, type ReadPlanes, type SlabSource } from './preprocess.ts';

/** The taps of each index of the network's grid along one axis. */
export interface TapTable {
  /** The taps of an index, at least one. */
  readonly taps: number;
  /** [indices, 1 + taps]: the host's first index, which never falls from one row to the next, then the weights. */
  readonly values: Float32Array;
}

/** How planes of the host's grid become the network's. */
export interface TapResampling {
  /** The host's grid. */
  readonly size: Dhw;
  /** Along D, H and W. */
  readonly tables: readonly [TapTable, TapTable, TapTable];
  /** By channel: the least and the greatest value at each of the network's indices along `boundsAxis`. */
  readonly bounds: readonly Float32Array[];
  /** 0 to 2 of D, H, W. */
  readonly boundsAxis: 0 | 1 | 2;
}

/** A channel's planes that are resampled along W and H. */
interface HeldPlanes {
  /** By band of rows, each of which fits a binding: f32 [R, rows, W], where plane d of the host lies at d mod R. */
  readonly rings: readonly Tensor[];
  /** The planes that are in the ring. */
  from: number;
  to: number;
}

/** Makes the network's planes from the host's, which come once each as long as slabs are asked for in order. */
export class TapPreparation implements SlabSource {
  readonly planes: number;
  readonly #gpu: Gpu;
  readonly #size: Dhw;
  readonly #source: TapResampling;
  readonly #tables: readonly [Tensor, Tensor, Tensor];
  readonly #bounds: readonly Tensor[];
  readonly #uploads: Uploads;
  /** The most of the host's planes that come at once: f32 [n, H, W] as they come, and once resampled along W. */
  readonly #host: Tensor;
  readonly #narrowed: Tensor;
  /** Rows [from, to) of each band. */
  readonly #bands: readonly (readonly [number, number])[];
  /** The most planes of a ring. */
  readonly #mostHeld: number;
  readonly #channels: readonly HeldPlanes[];
  readonly #prepared: Tensor;

  /** `size` is that of the network's grid, of which at most `planes` are made at once. */
  constructor(gpu: Gpu, size: Dhw, source: TapResampling, planes: number) {
    this.#gpu = gpu;
    this.#size = size;
    this.#source = source;
    const [depth, height, width] = source.size;
    const [, H, W] = size;
    const { tables, bounds } = source;
    const upload = ({ taps, values }: TapTable) =>
      fromArray(gpu, values, [values.length / (1 + taps), 1 + taps]);
    this.#tables = [upload(tables[0]), upload(tables[1]), upload(tables[2])];
    this.#bounds = bounds.map((values) => fromArray(gpu, values, [values.length / 2, 2]));
    // A slab fits a binding.
    const fitting = (voxels: number) =>
      Math.max(1, Math.min(planesFitting(voxels), Math.floor(viewElements(gpu, { dtype: 'f32' }) / voxels)));
    const most = Math.min(depth, fitting(height * Math.max(width, W)));
    this.#uploads = new Uploads(gpu, most * height * width);
    this.#host = empty(gpu, [most, height, width]);
    this.#narrowed = empty(gpu, [most, height, W]);
    // While the last tap of a plane is awaited, all of its others are held.
    this.#mostHeld = Math.min(depth, tables[0].taps + most - 1);
    this.#bands = rowRanges(gpu, H, [{ tensor: this.#host, rowElements: this.#mostHeld * W }]);
    this.#channels = bounds.map(() => ({
      rings: this.#bands.map(([from, to]) => empty(gpu, [this.#mostHeld, to - from, W])),
      from: 0,
      to: 0,
    }));
    this.planes = Math.min(planes, fitting(H * W));
    this.#prepared = empty(gpu, [this.planes, H, W]);
  }

  async prepare(from: number, to: number, readPlanes: ReadPlanes, channel: number): Promise<Tensor> {
    const [, H, W] = this.#size;
    const held = this.#channels[channel]!;
    for (let plane = from; plane < to; ) {
      const first = this.#firstTap(plane);
      if (first < held.from || first > held.to) {
        held.from = first;
        held.to = first;
      }
      let end = plane;
      while (end < to && this.#endOfTaps(end) <= held.to) end++;
      if (end > plane) {
        runOnce(this.#gpu, this.#alongD(held, plane, end, from));
        plane = end;
        continue;
      }
      const next = Math.min(held.to + this.#host.shape[0]!, first + this.#mostHeld, this.#source.size[0]);
      await this.#fill(held, next, (...range) => readPlanes(...range, channel));
    }
    const prepared = { ...this.#prepared, shape: [to - from, H, W] };
    runOnce(this.#gpu, this.#keptWithin(prepared, from, channel));
    return prepared;
  }

  /** The first of the host's planes that one of the network's is made of, and the one past the last. */
  #firstTap(plane: number): number {
    const { taps, values } = this.#source.tables[0];
    return values[plane * (1 + taps)]!;
  }

  #endOfTaps(plane: number): number {
    return this.#firstTap(plane) + this.#source.tables[0].taps;
  }

  /** Takes the host's planes up to `to` into the ring. */
  async #fill(
    held: HeldPlanes,
    to: number,
    read: (from: number, to: number, values: Float32Array) => void,
  ): Promise<void> {
    const gpu = this.#gpu;
    const from = held.to;
    const [, height, width] = this.#source.size;
    const [, , W] = this.#size;
    const count = (to - from) * height * width;
    const copy = { from: 0, count, target: this.#host, at: 0 };
    await this.#uploads.upload(count, (values) => read(from, to, values), [copy]);
    const alongW = resampleTaps(gpu, {
      input: { tensor: this.#host, at: 0, length: width },
      output: { tensor: this.#narrowed, at: 0, from: 0, to: W },
      outer: (to - from) * height,
      inner: 1,
      table: this.#tables[2],
    });
    const alongH = ringRuns(from, to, this.#mostHeld).flatMap((run) =>
      this.#bands.flatMap(([top, bottom], band) =>
        resampleTaps(gpu, {
          input: { tensor: this.#narrowed, at: (run.from - from) * height * W, length: height },
          output: { tensor: held.rings[band]!, at: run.at * (bottom - top) * W, from: top, to: bottom },
          outer: run.to - run.from,
          inner: W,
          table: this.#tables[1],
        }),
      ),
    );
    runOnce(gpu, [...alongW, ...alongH]);
    held.to = to;
    held.from = Math.max(held.from, to - this.#mostHeld);
  }

  /** Makes planes [from, to), the prepared ones of which begin with `prepared`, out of what the rings hold. */
  #alongD({ rings }: HeldPlanes, from: number, to: number, prepared: number): Launch[] {
    const [, H, W] = this.#size;
    // The rows of one band lie together in one plane alone.
    const planes = this.#bands.length === 1 ? to - from : 1;
    return this.#bands.flatMap(([top, bottom], band) =>
      Array.from({ length: (to - from) / planes }, (_, i) => from + i * planes).flatMap((plane) =>
        resampleTaps(this.#gpu, {
          input: { tensor: rings[band]!, at: 0, length: this.#mostHeld },
          output: {
            tensor: this.#prepared,
            at: ((plane - prepared) * H + top) * W,
            from: plane,
            to: plane + planes,
          },
          outer: 1,
          inner: (bottom - top) * W,
          table: this.#tables[0],
        }),
      ),
    );
  }

  /** Keeps planes from `from` on within their channel's bounds. */
  #keptWithin(prepared: Tensor, from: number, channel: number): Launch[] {
    const axis = this.#source.boundsAxis;
    const inner = prepared.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    return clampAlong(this.#gpu, {
      values: prepared,
      rows: prepared.shape[axis]!,
      inner,
      bounds: this.#bounds[channel]!,
      first: axis === 0 ? from : 0,
    });
  }

  close(): void {
    this.#uploads.close();
    const rings = this.#channels.flatMap(({ rings }) => rings);
    release(
      this.#gpu,
      ...this.#tables,
      ...this.#bounds,
      this.#host,
      this.#narrowed,
      ...rings,
      this.#prepared,
    );
  }
}
