/** NumPy's .npy files of float32 values. */
import { InputError } from '@organseg/core/inputError.ts';
import { readBytes } from './read.ts';

export interface NpyArray {
  readonly shape: readonly number[];
  /** The last axis fastest. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Throws InputError where the file is none, holds other values, or is cut short. */
export async function readNpy(path: string): Promise<NpyArray> {
  const bytes = await readBytes(path);
  if (bytes.toString('latin1', 0, 8) !== '\x93NUMPY\x01\0') throw new InputError(`${path}: is no .npy file`);
  const first = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, first);
  const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  if (!header.includes("'<f4'") || !header.includes("'fortran_order': False") || shape === undefined)
    throw new InputError(`${path}: expects float32 values, the last axis fastest`);
  const sizes = shape.split(',').filter((size) => size.trim());
  const extents = sizes.map(Number);
  const values = new Uint8Array(bytes.subarray(first));
  if (values.length !== 4 * extents.reduce((product, extent) => product * extent, 1))
    throw new InputError(`${path}: does not hold [${extents}] values`);
  return { shape: extents, data: new Float32Array(values.buffer) };
}
