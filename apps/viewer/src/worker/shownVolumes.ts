/** Volumes as the page shows them: whole .nii files, and label maps of fewer voxels for 3D. */
import { encodeNifti } from '@organseg/core/volume/niftiWrite.ts';
import type { Volume, Xyz } from '@organseg/core/volume/volume.ts';

/** Before the voxels: the header, and four bytes that say that no extension follows. */
const HEADER_BYTES = 352;

/** The most voxels along an axis that 3D is drawn from. */
const MOST_IN_3D = 160;

/** A whole .nii. */
export async function niftiOf(volume: Volume): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + volume.data.byteLength);
  let at = 0;
  for await (const chunk of encodeNifti(volume, undefined, [], (chunks) => chunks)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.buffer;
}

/** Every so many voxels of a label map along each axis, so that none is longer than 3D takes. */
export function coarseLabels({ shape, affine, data }: Volume<Uint8Array>): Volume<Uint8Array> {
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
