/**
 * A volume is a 3D array of voxels with an affine.
 *
 * Voxels lie in NIfTI's order, x fastest: index = x + shape[0]·(y + shape[1]·z). The same memory read as a
 * tensor is [D, H, W] = [z, y, x]: no copy and no transposition lies between a RAS volume and a patch. This is
 * the only place where the two orders meet: D is z, H is y, W is x (as nnU-Net reads images).
 */
export type VoxelArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export type Triple = readonly [number, number, number];

/** Voxel index → world position in mm (RAS+): 4×4, row-major, 16 numbers. */
export type Affine = Float64Array;

/** Where voxels lie, without the voxels. */
export interface Grid {
  readonly shape: Triple;
  readonly affine: Affine;
}

/** Voxels from `min` up to but not including `max`. */
export interface Box {
  readonly min: Triple;
  readonly max: Triple;
}

export interface Volume<T extends VoxelArray = VoxelArray> extends Grid {
  readonly data: T;
}

export const voxelCount = (shape: Triple): number => shape[0] * shape[1] * shape[2];

/** A zeroed array of the same kind. */
export function emptyLike<T extends VoxelArray>(data: T, length: number): T {
  return new (data.constructor as new (length: number) => T)(length);
}
