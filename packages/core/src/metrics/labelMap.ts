/**
 * A label map as the metrics read it: some rows of a slice at a time, so that a map may lie in memory one byte per
 * voxel, or packed more densely and unpacked as it is read.
 */
import type { Xyz } from '../volume/volume.ts';

/** Labels that are read by rows. */
export interface LabelMap {
  /** The name in messages, usually the file's. */
  readonly name: string;
  readonly shape: Xyz;
  /** The labels of the rows yMin to yMax − 1 of slice z, x fastest; the next call may overwrite them. */
  rows(z: number, yMin: number, yMax: number): Uint8Array;
}

/** A map with one byte per voxel, x fastest. Throws where the bytes do not fill the shape. */
export function labelMap(shape: Xyz, data: Uint8Array, name: string): LabelMap {
  const [nx, ny, nz] = shape;
  if (data.length !== nx * ny * nz) {
    throw new Error(`labelMap: ${name}: shape [${shape}] needs ${nx * ny * nz} labels, got ${data.length}`);
  }
  return {
    name,
    shape,
    rows: (z, yMin, yMax) => data.subarray(nx * (yMin + ny * z), nx * (yMax + ny * z)),
  };
}
