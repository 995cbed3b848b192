/** For tests: NIfTI files of any version, byte order and data type, right or wrong as asked. */
import type { ByteSource } from './byteReader.ts';
import { concatenated } from './concatenated.ts';

export interface NiftiFixture {
  version?: 1 | 2;
  littleEndian?: boolean;
  magic?: string;
  shape?: number[];
  dim0?: number;
  /** NIfTI's code, and the bits that the header states for it. */
  datatype?: number;
  bitpix?: number;
  values?: ArrayLike<number>;
  voxOffset?: number;
  /** What lies between the header and the voxels; its first byte nonzero says "extensions follow". */
  extension?: Uint8Array;
  slope?: number;
  intercept?: number;
  units?: number;
  pixdim?: number[];
  qformCode?: number;
  quaternion?: number[];
  qoffset?: number[];
  sformCode?: number;
  sform?: number[];
}

type Put = (view: DataView, at: number, value: number, littleEndian: boolean) => void;

const put: Record<string, Put> = {
  int16: (view, at, value, le) => view.setInt16(at, value, le),
  int32: (view, at, value, le) => view.setInt32(at, value, le),
  int64: (view, at, value, le) => view.setBigInt64(at, BigInt(value), le),
  float32: (view, at, value, le) => view.setFloat32(at, value, le),
  float64: (view, at, value, le) => view.setFloat64(at, value, le),
};

/** Bits and writer of each data type. */
const TYPES: Record<number, [number, Put]> = {
  2: [8, (view, at, value) => view.setUint8(at, value)],
  256: [8, (view, at, value) => view.setInt8(at, value)],
  512: [16, (view, at, value, le) => view.setUint16(at, value, le)],
  4: [16, put.int16],
  768: [32, (view, at, value, le) => view.setUint32(at, value, le)],
  8: [32, put.int32],
  1280: [64, (view, at, value, le) => view.setBigUint64(at, BigInt(value), le)],
  1024: [64, put.int64],
  16: [32, put.float32],
  64: [64, put.float64],
};

/** A single file, or the .hdr of a pair where the magic says so. By default 4×3×2 int16, sform of 2 mm, RAS. */
export function niftiHeader(fixture: NiftiFixture = {}): Uint8Array<ArrayBuffer> {
  const { version = 1, littleEndian = true, shape = [4, 3, 2], datatype = 4, extension } = fixture;
  const first = version === 1;
  const size = first ? 348 : 540;
  const bytes = new Uint8Array(size + 4 + (extension?.length ?? 0));
  const view = new DataView(bytes.buffer);
  const numbers = (kind: string, step: number, at: number, ...values: number[]) =>
    values.forEach((value, i) => {
      put[kind](view, at + step * i, value, littleEndian);
    });
  const int = (at: number, ...values: number[]) =>
    numbers(first ? 'int16' : 'int64', first ? 2 : 8, at, ...values);
  const real = (at: number, ...values: number[]) =>
    numbers(first ? 'float32' : 'float64', first ? 4 : 8, at, ...values);
  const short = (at: number, value: number) => put.int16(view, at, value, littleEndian);
  const code = (at: number, value: number) => put[first ? 'int16' : 'int32'](view, at, value, littleEndian);

  put.int32(view, 0, size, littleEndian);
  const magic = fixture.magic ?? (first ? 'n+1\0' : 'n+2\0\r\n\x1a\n');
  bytes.set(new TextEncoder().encode(magic), first ? 344 : 4);
  const dims = [fixture.dim0 ?? shape.length, ...shape, 1, 1, 1, 1, 1, 1, 1].slice(0, 8);
  int(first ? 40 : 16, ...dims);
  short(first ? 70 : 12, datatype);
  short(first ? 72 : 14, fixture.bitpix ?? TYPES[datatype]?.[0] ?? 0);
  real(first ? 76 : 104, ...(fixture.pixdim ?? [1, 2, 2, 2]));
  const voxOffset = fixture.voxOffset ?? bytes.length;
  if (first) real(108, voxOffset);
  else put.int64(view, 168, voxOffset, littleEndian);
  real(first ? 112 : 176, fixture.slope ?? 1, fixture.intercept ?? 0);
  if (first) bytes[123] = fixture.units ?? 2;
  else put.int32(view, 500, fixture.units ?? 2, littleEndian);
  code(first ? 252 : 344, fixture.qformCode ?? 0);
  code(first ? 254 : 348, fixture.sformCode ?? 1);
  real(first ? 256 : 352, ...(fixture.quaternion ?? [0, 0, 0]), ...(fixture.qoffset ?? [0, 0, 0]));
  real(first ? 280 : 400, ...(fixture.sform ?? [2, 0, 0, -10, 0, 2, 0, 5, 0, 0, 2, 30]));
  if (extension) bytes.set(extension, size + 4);
  if (extension) bytes[size] = 1;
  return bytes;
}

/** The voxels of a file, as its .img holds them. Without values: 0, 1, 2, … */
export function niftiVoxels(fixture: NiftiFixture = {}): Uint8Array<ArrayBuffer> {
  const { littleEndian = true, shape = [4, 3, 2], datatype = 4 } = fixture;
  const values = fixture.values ?? Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);
  const [bits, write] = TYPES[datatype];
  const bytes = new Uint8Array((values.length * bits) / 8);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) write(view, (i * bits) / 8, values[i], littleEndian);
  return bytes;
}

export const niftiFile = (fixture: NiftiFixture = {}): Uint8Array<ArrayBuffer> =>
  concatenate(niftiHeader(fixture), niftiVoxels(fixture));

export const concatenate = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => concatenated(parts);

/** The bytes as a source, in chunks of the given size. */
export function sourceOf(name: string, bytes: Uint8Array, chunkBytes = 1000): ByteSource {
  return { name, bytes: chunksOf(bytes, chunkBytes) };
}

export async function* chunksOf(bytes: Uint8Array, chunkBytes = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return concatenate(...parts);
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
