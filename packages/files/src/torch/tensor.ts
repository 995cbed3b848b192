/** PyTorch's tensors: views of storages, whose bytes lie in a file. */
import { PickleFault } from './pickleInput.ts';

interface Dtype {
  readonly bytes: number;
  /** The values of bytes in a buffer of their own, the lowest byte first. */
  decode(buffer: ArrayBuffer): ArrayLike<number>;
}

/** The dtypes by PyTorch's names. */
const DTYPES = {
  float32: { bytes: 4, decode: (buffer) => new Float32Array(buffer) },
  float64: { bytes: 8, decode: (buffer) => new Float64Array(buffer) },
  float16: { bytes: 2, decode: (buffer) => new Float16Array(buffer) },
  bfloat16: { bytes: 2, decode: (buffer) => bfloats(new Uint16Array(buffer)) },
  int64: { bytes: 8, decode: (buffer) => Float64Array.from(new BigInt64Array(buffer), Number) },
  int32: { bytes: 4, decode: (buffer) => new Int32Array(buffer) },
  int16: { bytes: 2, decode: (buffer) => new Int16Array(buffer) },
  int8: { bytes: 1, decode: (buffer) => new Int8Array(buffer) },
  uint8: { bytes: 1, decode: (buffer) => new Uint8Array(buffer) },
  uint16: { bytes: 2, decode: (buffer) => new Uint16Array(buffer) },
  uint32: { bytes: 4, decode: (buffer) => new Uint32Array(buffer) },
  uint64: { bytes: 8, decode: (buffer) => Float64Array.from(new BigUint64Array(buffer), Number) },
  bool: { bytes: 1, decode: (buffer) => new Uint8Array(buffer) },
} satisfies Record<string, Dtype>;

export type TorchDtype = keyof typeof DTYPES;

export const isTorchDtype = (name: string): name is TorchDtype => Object.hasOwn(DTYPES, name);

/** Classes of storages, which tell the dtype of what lies in them; that of an untyped one stands at each tensor. */
export const STORAGE_DTYPES: Readonly<Record<string, TorchDtype>> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};

/** Bytes of a file that tensors are views of. */
export class TorchStorage {
  readonly key: string;
  readonly dtype: TorchDtype | 'untyped';
  /** Their number, which is that of bytes in an untyped storage. */
  readonly elements: number;
  readonly byteLength: number;

  constructor(key: string, dtype: TorchDtype | 'untyped', elements: number) {
    this.key = key;
    this.dtype = dtype;
    this.elements = elements;
    this.byteLength = elements * (dtype === 'untyped' ? 1 : DTYPES[dtype].bytes);
  }
}

/** The most axes that PyTorch's tensors have. */
const MAX_AXES = 64;

/**
 * The most elements of a tensor that repeats its storage's (by strides of 0), so that a small file cannot fill the
 * memory.
 */
const MAX_REPEATED = 1 << 22;

/** A tensor without its values. Offset and strides count elements of its storage. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly dtype: TorchDtype;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;
  /** Elements of the storage from the first to the last one that is part of the tensor. */
  readonly span: number;

  /** Throws PickleFault where the tensor does not lie in its storage. */
  constructor(
    storage: TorchStorage,
    dtype: TorchDtype,
    shape: readonly number[],
    strides: readonly number[],
    offset: number,
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    if (shape.length > MAX_AXES || strides.length !== shape.length)
      throw new PickleFault(`has a tensor of ${shape.length} axes and ${strides.length} strides`);
    this.size = shape.reduce((product, extent) => product * extent, 1);
    const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis]!, 0);
    this.span = this.size === 0 ? 0 : last + 1;
    const stored = Math.floor(storage.byteLength / DTYPES[dtype].bytes);
    if (offset + this.span > stored)
      throw new PickleFault(`has a tensor [${shape}] that does not lie in its storage of ${stored} elements`);
    if (this.size > Math.max(stored, MAX_REPEATED))
      throw new PickleFault(`has a tensor [${shape}] that repeats the elements of its storage`);
  }

  /** Where the span begins in the storage, and its length, in bytes. */
  get place(): { readonly firstByte: number; readonly byteLength: number } {
    const { bytes } = DTYPES[this.dtype];
    return { firstByte: this.offset * bytes, byteLength: this.span * bytes };
  }

  /** The values, the last axis fastest, from the bytes of the span, in a buffer of their own. */
  floats(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    const values = DTYPES[this.dtype].decode(bytes.buffer);
    if (!this.#isContiguous()) return this.#gathered(values);
    return values instanceof Float32Array ? values : Float32Array.from(values);
  }

  #isContiguous(): boolean {
    let stride = 1;
    for (let axis = this.shape.length - 1; axis >= 0; axis--) {
      if (this.shape[axis] !== 1 && this.strides[axis] !== stride) return false;
      stride *= this.shape[axis]!;
    }
    return true;
  }

  #gathered(values: ArrayLike<number>): Float32Array<ArrayBuffer> {
    const { shape, strides } = this;
    const floats = new Float32Array(this.size);
    const index = shape.map(() => 0);
    for (let at = 0, i = 0; i < floats.length; i++) {
      floats[i] = values[at]!;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += strides[axis]!;
        index[axis]!++;
        if (index[axis]! < shape[axis]!) break;
        at -= shape[axis]! * strides[axis]!;
        index[axis] = 0;
      }
    }
    return floats;
  }
}

/** A bfloat16 is the upper half of a float32. */
function bfloats(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}
