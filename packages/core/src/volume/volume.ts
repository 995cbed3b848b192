/**
 * A volume is a 3D array of voxels with an affine.
 *
 * Voxels lie in NIfTI's order, x fastest: index = x + shape[0]·(y + shape[1]·z). The same memory read as a
 * tensor is [D, H, W] = [z, y, x]: no copy and no transposition lies between a RAS volume and a patch. The two orders
 * are types, and meet in inference/axes.ts alone.
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

/**
 * Numbers along a volume's axes, in the order x, y, z: shapes, voxels, millimetres. An array literal is one; what is
 * typed D, H, W (kernels/axes.ts) is not.
 */
export type Xyz = readonly [number, number, number] & { readonly axes?: 'xyz' };

/** What a function gives for axes 0, 1 and 2. */
export const xyz = (at: (axis: number) => number): Xyz => [at(0), at(1), at(2)];

/** Voxel index → world position in mm (RAS+): 4×4, row-major, 16 numbers. */
export type Affine = Float64Array;

/** The places of voxels, without their values. */
export interface Grid {
  readonly shape: Xyz;
  readonly affine: Affine;
}

/** Voxels from `min` up to but not including `max`. */
export interface Box {
  readonly min: Xyz;
  readonly max: Xyz;
}

/** Voxels with their places. */
export interface Volume<T extends VoxelArray = VoxelArray> extends Grid {
  readonly data: T;
}

export const voxelCount = (shape: Xyz): number => shape[0] * shape[1] * shape[2];

/** An array of zeros of the same kind. */
export function emptyLike<T extends VoxelArray>(data: T, length: number): T {
  return new (data.constructor as new (length: number) => T)(length);
}
