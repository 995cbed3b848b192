/**
 * safetensors files: a JSON header with names, dtypes, shapes and offsets, then the raw values.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { InputError } from '../inputError.ts';

/** The dtypes that networks and reference files use; others are refused. */
const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Float16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  U16: Uint16Array,
  U8: Uint8Array,
} as const;

type SafeDType = keyof typeof ARRAYS;

/** A tensor of a file, with its values. */
export interface SafeTensor {
  readonly shape: readonly number[];
  readonly values:
    | Float64Array
    | Float32Array
    | Float16Array
    | BigInt64Array
    | Int32Array
    | Uint16Array
    | Uint8Array;
}

/** A whole file. */
export interface SafeTensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, SafeTensor>;
}

interface HeaderEntry {
  readonly dtype: SafeDType;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** What a file's beginning says: its metadata, and where in the file each tensor's values lie. */
export interface SafeTensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, SafeTensorPlace>;
}

/** A tensor of a file, without its values. */
export interface SafeTensorPlace {
  readonly dtype: SafeDType;
  readonly shape: readonly number[];
  readonly firstByte: number;
  readonly byteLength: number;
}

/** The bytes before a header's JSON text, which hold its length. */
const LENGTH_BYTES = 8;

/** The length of the header, told by the first bytes. Throws InputError that names the file and the fault. */
export function safetensorsHeaderBytes(beginning: Uint8Array, fileBytes: number, file: string): number {
  if (beginning.length < LENGTH_BYTES) throw new InputError(`${file}: too short for a safetensors file`);
  const view = new DataView(beginning.buffer, beginning.byteOffset);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(fileBytes - LENGTH_BYTES))
    throw new InputError(`${file}: not a safetensors file, or cut short in its header`);
  return LENGTH_BYTES + Number(length);
}

/** Reads the header alone. Throws InputError that names the file and the fault. */
export function decodeSafetensorsHeader(
  header: Uint8Array,
  fileBytes: number,
  file: string,
): SafeTensorsHeader {
  const fail = (fault: string) => new InputError(`${file}: ${fault}`);
  let json: Record<string, unknown> | null;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header.subarray(LENGTH_BYTES)));
  } catch {
    throw fail('its safetensors header is not JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw fail('its safetensors header is no JSON object');
  const { __metadata__: metadata = {}, ...entries } = json;
  if (!isMetadata(metadata)) throw fail('its metadata is no object of texts');
  const tensors = new Map<string, SafeTensorPlace>();
  for (const [name, entry] of Object.entries(entries)) {
    if (!isEntry(entry)) throw fail(`tensor ${name} has an unknown dtype or no valid shape`);
    const { dtype, shape, data_offsets } = entry;
    const [begin, end] = data_offsets;
    const byteLength = shape.reduce((a, b) => a * b, 1) * ARRAYS[dtype].BYTES_PER_ELEMENT;
    if (end - begin !== byteLength)
      throw fail(`tensor ${name} [${shape}] takes ${byteLength} bytes, its offsets give ${end - begin}`);
    if (header.length + end > fileBytes) throw fail(`cut short: tensor ${name} lies beyond the end`);
    tensors.set(name, { dtype, shape, firstByte: header.length + begin, byteLength });
  }
  return { metadata, tensors };
}

/** Reads a whole file; values lie in its bytes where they are aligned there. Throws InputError that names the file and the fault. */
export function decodeSafetensors(bytes: Uint8Array, file: string): SafeTensors {
  const header = bytes.subarray(0, safetensorsHeaderBytes(bytes, bytes.length, file));
  const { metadata, tensors: places } = decodeSafetensorsHeader(header, bytes.length, file);
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { dtype, shape, firstByte, byteLength }] of places) {
    const part = bytes.subarray(firstByte, firstByte + byteLength);
    tensors.set(name, { shape, values: valuesOf(part, dtype) });
  }
  return { metadata, tensors };
}

/** A tensor's values in these bytes of a file, or in a copy where they are not aligned. */
export function valuesOf(bytes: Uint8Array, dtype: SafeDType): SafeTensor['values'] {
  const Values = ARRAYS[dtype];
  const { buffer, byteOffset } = bytes.byteOffset % Values.BYTES_PER_ELEMENT ? new Uint8Array(bytes) : bytes;
  return new Values(buffer as ArrayBuffer, byteOffset, bytes.length / Values.BYTES_PER_ELEMENT);
}

const isMetadata = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && Object.values(value).every((v) => typeof v === 'string');

function isEntry(entry: unknown): entry is HeaderEntry {
  const { dtype, shape, data_offsets } = (entry ?? {}) as Partial<HeaderEntry>;
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  return (
    dtype !== undefined &&
    Object.hasOwn(ARRAYS, dtype) &&
    whole(shape) &&
    whole(data_offsets) &&
    data_offsets.length === 2
  );
}

/** A file's tensor, or its place there, which must be there with this shape. Throws InputError. */
export function tensorOf<T extends { readonly shape: readonly number[] }>(
  tensors: ReadonlyMap<string, T>,
  name: string,
  shape: readonly number[],
  file: string,
): T {
  const tensor = tensors.get(name);
  if (!tensor) throw new InputError(`${file}: it has no tensor ${name}`);
  if (tensor.shape.join() !== shape.join())
    throw new InputError(`${file}: tensor ${name} expects [${shape}], got [${tensor.shape}]`);
  return tensor;
}

/** The values of a tensor of floats that must be there with this shape, as float32. Throws InputError. */
export function floatsOf(
  { tensors }: Pick<SafeTensors, 'tensors'>,
  name: string,
  shape: readonly number[],
  file: string,
): Float32Array {
  return asFloats(tensorOf(tensors, name, shape, file), name, file);
}

/** The values of a tensor of floats, as float32. Throws InputError. */
export function asFloats({ values }: SafeTensor, name: string, file: string): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof Float16Array || values instanceof Float64Array) return new Float32Array(values);
  throw new InputError(`${file}: tensor ${name} expects floats`);
}

/** A file's bytes in parts: the header, then each tensor's values as they are in memory. */
export function* encodeSafetensors({ metadata, tensors }: SafeTensors): Generator<Uint8Array> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    const dtype = Object.entries(ARRAYS).find(([, Values]) => values instanceof Values)![0];
    header[name] = { dtype, shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Padded with spaces, so that the values are aligned.
  const padded = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true);
  padded.set(json, 8);
  yield padded;
  for (const { values } of tensors.values()) {
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
}
