/** Whole cases on the network's grid: what inference sees of a scan slab by slab, drained to the host. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { Downloads } from '@organseg/kernels/transfer.ts';
import { dhwOf } from './axes.ts';
import {
  type Preprocessing,
  type ReadPlanes,
  resamplingOf,
  SlabPreparation,
  type SlabSource,
  slabPlanes,
} from './preprocess.ts';
import type { ScanStream } from './scanStream.ts';

/**
 * Prepares a scan in memory that does not grow with its slices. `take` sees all voxels of the network's grid in their
 * order, in parts: intensities in [0, 1] from the voxel `first` on, which are gone when it returns.
 */
export function prepareScan(
  gpu: Gpu,
  scan: ScanStream,
  { intensity }: Pick<Preprocessing, 'intensity'>,
  take: (first: number, intensities: Float32Array) => void,
): Promise<void> {
  const size = dhwOf(scan.geometry.network.shape);
  const resampling = resamplingOf(scan.geometry, intensity);
  const makeSlabs = () => new SlabPreparation(gpu, size, resampling, slabPlanes(size));
  return drainSlabs(gpu, size, makeSlabs, scan.readPlanes, 1, take);
}

/**
 * All planes that a source makes, slab by slab: `take` sees the values of a channel from the voxel `first` on, which are
 * gone when it returns.
 */
export async function drainSlabs(
  gpu: Gpu,
  size: Dhw,
  makeSlabs: () => SlabSource,
  readPlanes: ReadPlanes,
  channels: number,
  take: (first: number, values: Float32Array, channel: number) => void,
): Promise<void> {
  const plane = size[1] * size[2];
  const { slabs, downloads } = gpu.arena.attempt(() => {
    const slabs = makeSlabs();
    return { slabs, downloads: new Downloads(gpu, 4 * slabs.planes * plane) };
  });
  try {
    for (let from = 0; from < size[0]; from += slabs.planes) {
      const to = Math.min(size[0], from + slabs.planes);
      for (let channel = 0; channel < channels; channel++) {
        const prepared = await slabs.prepare(from, to, readPlanes, channel);
        await downloads.download(prepared, 4 * (to - from) * plane, ({ buffer, byteOffset, byteLength }) =>
          take(from * plane, new Float32Array(buffer, byteOffset, byteLength / 4), channel),
        );
      }
    }
    await downloads.drain();
    gpu.check();
  } finally {
    downloads.close();
    slabs.close();
  }
}
