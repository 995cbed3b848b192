/** Volumes as the page shows them: the parts of .nii files, and label maps of fewer voxels for 3D. */
import { niftiHeaderBytes } from '@organseg/core/volume/niftiWrite.ts';
import type { Volume, VoxelArray, Xyz } from '@organseg/core/volume/volume.ts';
import type { LabelPictures, NiftiParts } from '../protocol.ts';

/** The types of voxels that are drawn as they are. */
const DRAWN = [Uint8Array, Int16Array, Uint16Array, Float32Array];

/** The most voxels along an axis that 3D is drawn from. */
const MOST_IN_3D = 160;

/** The parts of a .nii. The voxels are the volume's own, to be handed over with its buffer, where they can be drawn. */
export function niftiOf(volume: Volume): NiftiParts {
  const data = drawn(volume.data);
  const { buffer } = data;
  const isItsOwn = buffer instanceof ArrayBuffer && buffer.byteLength === data.byteLength;
  return {
    header: niftiHeaderBytes({ ...volume, data }).buffer,
    voxels: isItsOwn ? buffer : new Uint8Array(buffer, data.byteOffset, data.byteLength).slice().buffer,
  };
}

/** A label map as it is looked at; its voxels are handed over. */
export const picturesOf = (labels: Volume<Uint8Array>): LabelPictures => ({
  nifti: niftiOf(labels),
  coarse: niftiOf(coarseLabels(labels)),
});

const drawn = (data: VoxelArray): VoxelArray =>
  DRAWN.some((type) => data instanceof type) ? data : new Float32Array(data);

/** Every so many voxels of a label map along each axis, so that none is longer than 3D takes. */
function coarseLabels({ shape, affine, data }: Volume<Uint8Array>): Volume<Uint8Array> {
  const steps = shape.map((n) => Math.ceil(n / MOST_IN_3D));
  const coarse = shape.map((n, axis) => Math.ceil(n / steps[axis]!)) as unknown as Xyz;
  const labels = new Uint8Array(coarse[0] * coarse[1] * coarse[2]);
  let to = 0;
  for (let z = 0; z < shape[2]; z += steps[2]!)
    for (let y = 0; y < shape[1]; y += steps[1]!)
      for (let x = 0; x < shape[0]; x += steps[0]!) labels[to++] = data[x + shape[0] * (y + shape[1] * z)]!;
  const scaled = affine.map((value, i) => (i % 4 < 3 ? value * steps[i % 4]! : value));
  return { shape: coarse, affine: scaled, data: labels };
}
