/**
 * Python's pickles, written: values as `torch.save` pickles them, in protocol 2, with nothing in them that
 * `torch.load(weights_only=True)` would refuse.
 * Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */

/** A tensor of float32. Several names for one object are several names for one storage in the file. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  /** Reads the values, in the order of a contiguous tensor. */
  read(): Float32Array;
}

/** A Python tuple. */
export class Tuple {
  readonly items: readonly TorchValue[];

  constructor(...items: readonly TorchValue[]) {
    this.items = items;
  }
}

/** What can be written: an object becomes a dict, a Map an OrderedDict, an array a list, a whole number an int. */
export type TorchValue =
  | null
  | boolean
  | number
  | string
  | TensorToWrite
  | Tuple
  | readonly TorchValue[]
  | ReadonlyMap<string, TorchValue>
  | { readonly [key: string]: TorchValue };

/** The pickle of a value, and its tensors by the number of their storage. */
export function pickle(value: TorchValue): { bytes: Uint8Array; storages: readonly TensorToWrite[] } {
  const pickler = new Pickler();
  pickler.write(value);
  return pickler.end();
}

/** Opcodes by their names in pickletools. */
const PROTO = 0x80;
const [STOP, MARK, GLOBAL, REDUCE, BINPERSID] = ['.', '(', 'c', 'R', 'Q'];
const [NONE, NEWTRUE, NEWFALSE] = ['N', '\x88', '\x89'];
const [BININT, LONG1, BINFLOAT, BINUNICODE] = ['J', '\x8a', 'G', 'X'];
const [EMPTY_TUPLE, TUPLE, EMPTY_LIST, APPENDS, EMPTY_DICT, SETITEMS] = [')', 't', ']', 'e', '}', 'u'];

class Pickler {
  readonly #parts: Uint8Array[] = [Uint8Array.of(PROTO, 2)];
  /** The number of each tensor's storage. */
  readonly #storages = new Map<TensorToWrite, number>();

  end(): { bytes: Uint8Array; storages: readonly TensorToWrite[] } {
    this.#code(STOP);
    return { bytes: Buffer.concat(this.#parts), storages: [...this.#storages.keys()] };
  }

  write(value: TorchValue): void {
    if (value === null) this.#code(NONE);
    else if (typeof value === 'boolean') this.#code(value ? NEWTRUE : NEWFALSE);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value instanceof Tuple) this.#tuple(value.items);
    else if (value instanceof Map) this.#orderedDict(value);
    else if (Array.isArray(value)) this.#list(value);
    else if (isTensor(value)) this.#tensor(value);
    else this.#dict(Object.entries(value));
  }

  #code(...codes: string[]): void {
    this.#parts.push(Buffer.from(codes.join(''), 'latin1'));
  }

  #number(value: number): void {
    const bytes = Buffer.alloc(8);
    if (!Number.isSafeInteger(value)) {
      bytes.writeDoubleBE(value);
      this.#code(BINFLOAT);
      this.#parts.push(bytes);
    } else if (value === (value | 0)) {
      bytes.writeInt32LE(value);
      this.#code(BININT);
      this.#parts.push(bytes.subarray(0, 4));
    } else {
      bytes.writeBigInt64LE(BigInt(value));
      this.#code(LONG1, '\x08');
      this.#parts.push(bytes);
    }
  }

  #text(value: string): void {
    const utf8 = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(utf8.length);
    this.#code(BINUNICODE);
    this.#parts.push(length, utf8);
  }

  /** What is called or named of a module. */
  #global(module: string, name: string): void {
    this.#code(GLOBAL, `${module}\n${name}\n`);
  }

  #tuple(items: readonly TorchValue[]): void {
    this.#code(MARK);
    for (const item of items) this.write(item);
    this.#code(TUPLE);
  }

  #list(items: readonly TorchValue[]): void {
    this.#code(EMPTY_LIST, MARK);
    for (const item of items) this.write(item);
    this.#code(APPENDS);
  }

  #dict(entries: Iterable<[string, TorchValue]>): void {
    this.#code(EMPTY_DICT);
    this.#items(entries);
  }

  #orderedDict(entries: Iterable<[string, TorchValue]>): void {
    this.#global('collections', 'OrderedDict');
    this.#code(EMPTY_TUPLE, REDUCE);
    this.#items(entries);
  }

  #items(entries: Iterable<[string, TorchValue]>): void {
    this.#code(MARK);
    for (const [key, value] of entries) {
      this.#text(key);
      this.write(value);
    }
    this.#code(SETITEMS);
  }

  /** _rebuild_tensor_v2(storage, offset, size, strides, requires_grad, backward hooks). */
  #tensor(tensor: TensorToWrite): void {
    const { shape } = tensor;
    const storage = this.#storages.get(tensor) ?? this.#storages.size;
    this.#storages.set(tensor, storage);
    this.#global('torch._utils', '_rebuild_tensor_v2');
    this.#code(MARK);
    this.#storage(storage, product(shape));
    this.write(0);
    this.#tuple(shape);
    this.#tuple(shape.map((_, axis) => product(shape.slice(axis + 1))));
    this.write(false);
    this.#orderedDict([]);
    this.#code(TUPLE, REDUCE);
  }

  /** ('storage', type, number, device, elements), by which a reader finds the entry of the zip file. */
  #storage(number: number, elements: number): void {
    this.#code(MARK);
    this.write('storage');
    this.#global('torch', 'FloatStorage');
    for (const item of [String(number), 'cpu', elements]) this.write(item);
    this.#code(TUPLE, BINPERSID);
  }
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

const isTensor = (value: object): value is TensorToWrite =>
  'read' in value && typeof value.read === 'function';
