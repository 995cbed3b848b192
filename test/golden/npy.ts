/** NumPy's .npy files of float32 in C order: shape and values. */
import { readFileSync } from 'node:fs';

export function readNpy(path: string): { shape: number[]; data: Float32Array } {
  const bytes = readFileSync(path);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + length);
  const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1];
  if (!header.includes("'<f4'") || !header.includes("'fortran_order': False") || shape === undefined)
    throw new Error(`${path}: ${header}`);
  const sizes = shape.split(',').filter((size) => size.trim());
  const values = bytes.subarray(10 + length);
  return {
    shape: sizes.map(Number),
    data: new Float32Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength)),
  };
}
