/**
 * From planes of HU to what the network sees, slab by slab: trilinear resampling to the network's grid, then the
 * intensities of interest to [0, 1]. Training's files and inference are made by this alone, and a voxel's value does not
 * depend on where slabs begin.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { type IntensityRange, scaleIntensityRange } from '@organseg/kernels/ops/intensity.ts';
import { type AxisMaps, linearTable, trilinear } from '@organseg/kernels/ops/resample.ts';
import { empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { Uploads } from '@organseg/kernels/transfer.ts';
import { axisMaps } from '../volume/resampleGrid.ts';
import type { Grid, Xyz } from '../volume/volume.ts';
import { dhwOf } from './axes.ts';
import type { CaseGeometry } from './caseGeometry.ts';

/** What a network's scans are made to be alike in. */
export interface Preprocessing {
  /** The spacing of the network's grid, x, y, z. */
  readonly spacingMm: Xyz;
  /** HU that become 0 and 1. */
  readonly intensity: IntensityRange;
}

/** Writes the values of a channel of the host's planes [from, to), plane by plane. */
export type ReadPlanes = (from: number, to: number, values: Float32Array, channel: number) => void;

/** Makes the network's planes from the host's. */
export interface SlabSource {
  /** The most planes that can be made at once. */
  readonly planes: number;
  /** f32 [to − from, H, W]: planes [from, to) of the network's grid, which the next call overwrites. */
  prepare(from: number, to: number, readPlanes: ReadPlanes, channel: number): Promise<Tensor>;
  close(): void;
}

/** Where the host's planes are HU on another grid than the network's: that grid, and what is to become of them. */
export interface Resampling {
  readonly size: Dhw;
  /** Index in the network's grid → index in the host's, D, H, W. */
  readonly maps: AxisMaps;
  readonly intensity: IntensityRange;
}

/** How a cropped scan becomes what the network sees. */
export const resamplingOf = ({ cropped, network }: CaseGeometry, intensity: IntensityRange): Resampling => ({
  size: dhwOf(cropped.shape),
  maps: tensorMaps(cropped, network),
  intensity,
});

/** The maps from an index in `target` to one in `source`, D, H, W. */
export function tensorMaps(source: Grid, target: Grid): AxisMaps {
  const [x, y, z] = axisMaps(source, target);
  return [z, y, x];
}

/** The most bytes of a slab, unless the fewest planes that make one of the network's take more. */
const SLAB_BYTES = 16 * 2 ** 20;

/** The number of planes of so many float32 voxels that a slab may have. */
export const planesFitting = (voxels: number): number => Math.floor(SLAB_BYTES / 4 / voxels);

/** The number of planes of a volume that travel at once. */
export const slabPlanes = ([D, H, W]: Dhw): number => Math.min(D, Math.max(1, planesFitting(H * W)));

/** Makes the network's planes from the host's HU. */
export class SlabPreparation implements SlabSource {
  readonly planes: number;
  readonly #gpu: Gpu;
  readonly #size: Dhw;
  readonly #source: Resampling;
  readonly #uploads: Uploads;
  /** f32 [d, H, W]: a slab as the host has it, and as the network sees it. */
  readonly #hu: Tensor;
  readonly #prepared: Tensor;

  /** `size` is that of the network's grid, of which at most `planes` are made at once. */
  constructor(gpu: Gpu, size: Dhw, source: Resampling, planes: number) {
    this.#gpu = gpu;
    this.#size = size;
    this.#source = source;
    const [depth, height, width] = source.size;
    const { scale } = source.maps[0];
    // n planes have their sources in (n − 1)·scale + 3 planes.
    const fitting = Math.floor((planesFitting(height * width) - 3) / scale) + 1;
    this.planes = Math.max(1, Math.min(planes, fitting));
    const most = Math.min(depth, Math.floor((this.planes - 1) * scale) + 3);
    this.#uploads = new Uploads(gpu, most * height * width);
    this.#hu = empty(gpu, [most, height, width]);
    this.#prepared = empty(gpu, [this.planes, size[1], size[2]]);
  }

  /** f32 [to − from, H, W], [0, 1]: planes [from, to) of the network's grid, which the next call overwrites. */
  async prepare(from: number, to: number, readPlanes: ReadPlanes, channel = 0): Promise<Tensor> {
    const { size, maps, intensity } = this.#source;
    const lower = linearTable(maps[0], size[0], to).slice(from);
    const first = lower[0]![0];
    const last = Math.min(size[0], lower.at(-1)![0] + 2);
    const hu = { ...this.#hu, shape: [last - first, size[1], size[2]] };
    const prepared = { ...this.#prepared, shape: [to - from, this.#size[1], this.#size[2]] };
    const count = (last - first) * size[1] * size[2];
    await this.#uploads.upload(count, (values) => readPlanes(first, last, values, channel), [
      { from: 0, count, target: hu, at: 0 },
    ]);
    const slab = { inputDepth: size[0], inputFrom: first, outputFrom: from };
    const { launches, scratch } = trilinear(this.#gpu, { input: hu, output: prepared, maps, slab });
    runOnce(this.#gpu, [...launches, ...scaleIntensityRange(this.#gpu, prepared, intensity)]);
    release(this.#gpu, ...scratch);
    return prepared;
  }

  close(): void {
    this.#uploads.close();
    release(this.#gpu, this.#hu, this.#prepared);
  }
}
