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

export interface SafeTensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, SafeTensor>;
}

interface HeaderEntry {
  readonly dtype: SafeDType;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Reads a whole file. Throws InputError that names the file and the fault. */
export function decodeSafetensors(bytes: Uint8Array, file: string): SafeTensors {
  const fail = (fault: string) => new InputError(`${file}: ${fault}`);
  if (bytes.length < 8) throw fail('too short for a safetensors file');
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(bytes.length - 8))
    throw fail('not a safetensors file, or cut short in its header');
  const start = 8 + Number(headerBytes);
  let header: Record<string, unknown> | null;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start)));
  } catch {
    throw fail('its safetensors header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw fail('its safetensors header is no JSON object');
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isMetadata(metadata)) throw fail('its metadata is no object of texts');
  const tensors = new Map<string, SafeTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    if (!isEntry(entry)) throw fail(`tensor ${name} has an unknown dtype or no valid shape`);
    const { dtype, shape, data_offsets } = entry;
    const Values = ARRAYS[dtype];
    const [begin, end] = data_offsets;
    const size = shape.reduce((a, b) => a * b, 1) * Values.BYTES_PER_ELEMENT;
    if (end - begin !== size)
      throw fail(`tensor ${name} [${shape}] takes ${size} bytes, its offsets give ${end - begin}`);
    if (begin < 0 || start + end > bytes.length) throw fail(`cut short: tensor ${name} lies beyond the end`);
    const copy = new Uint8Array(size); // aligned, and free of the file's buffer
    copy.set(bytes.subarray(start + begin, start + end));
    const values = new Values(copy.buffer);
    tensors.set(name, { shape, values });
  }
  return { metadata, tensors };
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

/** The values of a tensor of floats that must be there with this shape, as float32. Throws InputError. */
export function floatsOf(
  { tensors }: Pick<SafeTensors, 'tensors'>,
  name: string,
  shape: readonly number[],
  file: string,
): Float32Array {
  const tensor = tensors.get(name);
  if (!tensor) throw new InputError(`${file}: it has no tensor ${name}`);
  if (tensor.shape.join() !== shape.join())
    throw new InputError(`${file}: tensor ${name} expects [${shape}], got [${tensor.shape}]`);
  const { values } = tensor;
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
