/** Whole cases on the network's grid: what inference sees of a scan slab by slab, drained to the host. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { Downloads } from '@organseg/kernels/transfer.ts';
import { axisMaps, nearestIndices } from '../volume/resampleGrid.ts';
import type { Volume } from '../volume/volume.ts';
import { dhwOf, xyzOf } from './axes.ts';
import { type CaseGeometry, type CroppedView, croppedView } from './caseGeometry.ts';
import type { NnunetGeometry } from './nnunet/geometry.ts';
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

/** A label map of the scan's grid, on the network's, by nearest neighbour. */
export function prepareLabels({ data }: Volume<Uint8Array>, geometry: CaseGeometry): Volume<Uint8Array> {
  const { cropped, network } = geometry;
  const [x, y, z] = axisMaps(cropped, network).map((map, axis) =>
    nearestIndices(map, network.shape[axis], cropped.shape[axis]),
  );
  return { ...network, data: gathered(data, croppedView(geometry), [x!, y!, z!]) };
}

/** The labels of a map of the scan's grid on the network's, D, H, W, as nnU-Net lays it, by nearest neighbour. */
export function prepareNnunetLabels({ data }: Volume<Uint8Array>, geometry: NnunetGeometry): Uint8Array {
  const { view, network } = geometry;
  const [x, y, z] = xyzOf(network).map((size, axis) => {
    const scale = view.shape[axis]! / size;
    return nearestIndices({ scale, offset: (scale - 1) / 2 }, size, view.shape[axis]!);
  });
  return gathered(data, view, [x!, y!, z!]);
}

/** The labels at these columns, rows and planes of a view. */
function gathered(
  data: Uint8Array,
  { start, steps }: CroppedView,
  nearest: readonly [Uint32Array, Uint32Array, Uint32Array],
): Uint8Array {
  // How far into the array they lie along each axis.
  const [fromX, fromY, fromZ] = nearest.map((indices, axis) => Array.from(indices, (i) => i * steps[axis]));
  const labels = new Uint8Array(fromX.length * fromY.length * fromZ.length);
  let to = 0;
  for (const z of fromZ)
    for (const y of fromY)
      for (let x = 0; x < fromX.length; x++) labels[to++] = data[start + z + y + fromX[x]];
  return labels;
}
