/** NIfTI's data types that hold one real number per voxel, and how their bytes become numbers. */
import type { VoxelArray } from './volume.ts';

export interface NiftiDtype {
  /** As numpy calls it. */
  readonly name: string;
  readonly bytes: number;
  /** The array that holds the stored values. */
  readonly array: VoxelArrayType;
  /** The array that holds them after slope and intercept: wide enough that distinct values stay distinct. */
  readonly scaledArray: typeof Float32Array | typeof Float64Array;
}

export type VoxelArrayType =
  | typeof Uint8Array
  | typeof Int8Array
  | typeof Uint16Array
  | typeof Int16Array
  | typeof Uint32Array
  | typeof Int32Array
  | typeof Float32Array
  | typeof Float64Array;

const narrow = (name: string, array: VoxelArrayType): NiftiDtype => ({
  name,
  bytes: array.BYTES_PER_ELEMENT,
  array,
  scaledArray: Float32Array,
});

const wide = (name: string, bytes: number, array: VoxelArrayType): NiftiDtype => ({
  name,
  bytes,
  array,
  scaledArray: Float64Array,
});

/** By NIfTI's datatype code. 64-bit integers live in doubles, which hold them up to 2^53. */
export const NIFTI_DTYPES: ReadonlyMap<number, NiftiDtype> = new Map([
  [2, narrow('uint8', Uint8Array)],
  [256, narrow('int8', Int8Array)],
  [512, narrow('uint16', Uint16Array)],
  [4, narrow('int16', Int16Array)],
  [768, wide('uint32', 4, Uint32Array)],
  [8, wide('int32', 4, Int32Array)],
  [1280, wide('uint64', 8, Float64Array)],
  [1024, wide('int64', 8, Float64Array)],
  [16, narrow('float32', Float32Array)],
  [64, wide('float64', 8, Float64Array)],
]);

const REFUSED = new Map([
  [1, 'binary'],
  [32, 'complex64'],
  [128, 'rgb24'],
  [1536, 'float128'],
  [1792, 'complex128'],
  [2048, 'complex256'],
  [2304, 'rgba32'],
]);

/** What a refused code stands for, for the message. */
export const dtypeName = (code: number): string => REFUSED.get(code) ?? 'unknown';

/** Reverses the bytes of every value of `size` bytes, in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) {
    for (let low = at, high = at + size - 1; low < high; low++, high--) {
      const byte = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = byte;
    }
  }
}

/** The types that doubles hold only in part. */
export const isInt64 = ({ name }: NiftiDtype): boolean => name === 'int64' || name === 'uint64';

/**
 * Little-endian bytes as numbers: a view where there is a typed array for them, which is little-endian wherever
 * WebGPU and Workers run. A 64-bit integer beyond 2^53 comes out as a double that is no safe integer.
 */
export function valuesOf(dtype: NiftiDtype, buffer: ArrayBuffer, count: number): VoxelArray {
  if (!isInt64(dtype)) return new dtype.array(buffer, 0, count);
  const low = new Uint32Array(buffer, 0, 2 * count);
  const high = dtype.name === 'int64' ? new Int32Array(buffer, 0, 2 * count) : low;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = high[2 * i + 1] * 2 ** 32 + low[2 * i];
  return values;
}
