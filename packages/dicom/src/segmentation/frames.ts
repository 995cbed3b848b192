/** The frames of a segmentation: of each structure those planes in which it has voxels, a bit for each voxel. */
import { membersOf, type Structure } from '@organseg/core/regions.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';

export interface SegmentFrame {
  readonly structure: Structure;
  /** The plane of the volume. */
  readonly z: number;
}

/**
 * The frames of structures, one by one and plane by plane. Where none is there, one empty frame, since DICOM has no image
 * without frames.
 */
export function framesOf(
  { shape, data }: Volume<Uint8Array>,
  structures: readonly Structure[],
): SegmentFrame[] {
  const plane = shape[0] * shape[1];
  const frames: SegmentFrame[] = [];
  for (let z = 0; z < shape[2]; z++) {
    const isThere = new Uint8Array(256);
    for (let i = z * plane; i < (z + 1) * plane; i++) isThere[data[i]!] = 1;
    for (const structure of structures)
      if (structure.ids.some((id) => isThere[id])) frames.push({ structure, z });
  }
  if (!frames.length) return [{ structure: structures[0]!, z: 0 }];
  return frames.sort((a, b) => a.structure.label - b.structure.label || a.z - b.z);
}

/** The bits of all frames, one after another, rows turned back to DICOM's order; a byte's lowest bit comes first. */
export function bitsOf(
  { shape, data }: Volume<Uint8Array>,
  frames: readonly SegmentFrame[],
): Uint8Array<ArrayBuffer> {
  const [columns, rows] = shape;
  const bytes = Math.ceil((frames.length * columns * rows) / 8);
  const bits = new Uint8Array(bytes + (bytes % 2)); // values of elements have an even length
  let bit = 0;
  for (const { structure, z } of frames) {
    const isIn = membersOf(structure.ids);
    for (let row = rows - 1; row >= 0; row--) {
      const from = (z * rows + row) * columns;
      for (let i = from; i < from + columns; i++, bit++)
        if (isIn[data[i]!]) bits[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  return bits;
}
