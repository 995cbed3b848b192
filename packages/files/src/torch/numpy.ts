/** NumPy's arrays and numbers as pickles hold them, which stand among what a training logged. */
import type { PickleValue, Stateful } from './pickle.ts';
import { PickleFault } from './pickleInput.ts';

type Reader = (view: DataView, at: number, littleEndian: boolean) => number;

/** Reads one element, by NumPy's code of its type: its kind and its number of bytes. */
const READERS: Readonly<Record<string, Reader>> = {
  b1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u1: (view, at) => view.getUint8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  u2: (view, at, little) => view.getUint16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  f2: (view, at, little) => view.getFloat16(at, little),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
};

/** The type of NumPy's numbers. */
export class NumpyDtype implements Stateful {
  /** As NumPy writes it, without the order of bytes: f8. */
  readonly code: string;
  #littleEndian = true;

  /** Throws PickleFault where it is no type of plain numbers. */
  constructor(code: PickleValue) {
    if (typeof code !== 'string' || !Object.hasOwn(READERS, code)) {
      const shown = typeof code === 'string' ? JSON.stringify(code.slice(0, 100)) : 'of another kind';
      throw new PickleFault(`holds a value of NumPy's type ${shown}; only plain numbers are read`);
    }
    this.code = code;
  }

  get bytes(): number {
    return Number(this.code[1]);
  }

  /** The state is a tuple whose second value is the order of bytes. */
  setState(state: PickleValue): void {
    this.#littleEndian = !(Array.isArray(state) && state[1] === '>');
  }

  /** Element `index` of bytes. */
  read(bytes: Uint8Array, index: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return READERS[this.code]!(view, index * this.bytes, this.#littleEndian);
  }
}

/** NumPy's number from the bytes of one. Throws PickleFault. */
export function numpyScalar([dtype, bytes]: readonly PickleValue[]): PickleValue {
  if (!(dtype instanceof NumpyDtype && bytes instanceof Uint8Array && bytes.length === dtype.bytes))
    throw new PickleFault('has a broken number of NumPy');
  const value = dtype.read(bytes, 0);
  return dtype.code === 'b1' ? value !== 0 : value;
}

/** An array of NumPy's, its elements still in bytes. */
export class NumpyArray implements Stateful {
  shape: readonly number[] = [0];
  /** Whether the first axis is the fastest. */
  isFortran = false;
  #dtype: NumpyDtype | undefined;
  #bytes: Uint8Array = new Uint8Array();

  /** The state is a tuple: version, shape, dtype, whether the first axis is the fastest, bytes. Throws PickleFault. */
  setState(state: PickleValue): void {
    const [, shape, dtype, isFortran, bytes] = Array.isArray(state) ? state : [];
    const isPlain = dtype instanceof NumpyDtype && bytes instanceof Uint8Array;
    if (!isPlain || !Array.isArray(shape) || !shape.every((extent) => typeof extent === 'number'))
      throw new PickleFault('has an array of NumPy that is not of plain numbers');
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (size * dtype.bytes !== bytes.length) throw new PickleFault('has a broken array of NumPy');
    this.shape = shape;
    this.isFortran = isFortran === true;
    this.#dtype = dtype;
    this.#bytes = bytes;
  }

  /** The elements in the order of memory. */
  values(): Float64Array {
    const dtype = this.#dtype;
    if (!dtype) return new Float64Array();
    return Float64Array.from({ length: this.#bytes.length / dtype.bytes }, (_, i) =>
      dtype.read(this.#bytes, i),
    );
  }
}
