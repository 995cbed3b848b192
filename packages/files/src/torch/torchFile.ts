/**
 * PyTorch's files (.pt, .pth, .ckpt): a pickle, whose tensors are views of storages that lie beside it in a zip, or
 * behind it in the form that PyTorch wrote before version 1.6.
 */
import { InputError } from '@organseg/core/inputError.ts';
import { type OpenBytes, partOf } from '../openBytes.ts';
import { beginsAsZip, storedBytes, zipEntries } from '../zip.ts';
import { named, storageOf } from './names.ts';
import { type PickleValue, unpickle } from './pickle.ts';
import { PickleFault, PickleInput } from './pickleInput.ts';
import type { TorchStorage, TorchTensor } from './tensor.ts';

/** An open file. Its values are in memory, those of its tensors are read when they are asked for. Close it. */
export class TorchFile {
  /** How messages name it. */
  readonly path: string;
  /** What was saved. */
  readonly value: PickleValue;
  readonly tensors: OpenTensors;

  constructor(path: string, value: PickleValue, tensors: OpenTensors) {
    this.path = path;
    this.value = value;
    this.tensors = tensors;
  }

  /** A tensor's values. Throws InputError. */
  floats(tensor: TorchTensor): Float32Array<ArrayBuffer> {
    return this.tensors.floats(tensor);
  }

  close(): void {
    this.tensors.close();
  }
}

/** The tensors of an open file, without whatever else was saved in it. */
export class OpenTensors {
  readonly #bytes: OpenBytes;
  readonly #placeOf: (storage: TorchStorage) => OpenBytes;

  constructor(bytes: OpenBytes, placeOf: (storage: TorchStorage) => OpenBytes) {
    this.#bytes = bytes;
    this.#placeOf = placeOf;
  }

  /** A tensor's values, the last axis fastest; of its storage only its part is read. Throws InputError. */
  floats(tensor: TorchTensor): Float32Array<ArrayBuffer> {
    const { firstByte, byteLength } = tensor.place;
    return tensor.floats(this.#placeOf(tensor.storage).read(firstByte, byteLength));
  }

  close(): void {
    this.#bytes.close();
  }
}

/**
 * Reads a file whose bytes are open already, and closes them where it throws. Throws InputError that names the file and
 * the fault.
 */
export async function readTorchFile(bytes: OpenBytes): Promise<TorchFile> {
  try {
    return beginsAsZip(bytes) ? await readZip(bytes) : readLegacy(bytes);
  } catch (error) {
    bytes.close();
    throw error instanceof PickleFault ? new InputError(`${bytes.path}: ${error.message}`) : error;
  }
}

/** The form of today: ROOT/data.pkl, and each storage in ROOT/data/KEY. */
async function readZip(bytes: OpenBytes): Promise<TorchFile> {
  const { path } = bytes;
  const entries = await zipEntries(bytes);
  const [pickle, another] = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (!pickle || another) throw new InputError(`${path}: is a zip, but none that PyTorch wrote`);
  const root = pickle.slice(0, -'/data.pkl'.length);
  if (entries.has(`${root}/constants.pkl`))
    throw new InputError(`${path}: is a TorchScript program; expected a file that torch.save wrote`);
  const stored = (name: string): OpenBytes => {
    const entry = entries.get(name);
    if (!entry) throw new InputError(`${path}: has no ${name}`);
    return storedBytes(bytes, entry);
  };
  if (entries.has(`${root}/byteorder`)) {
    const order = stored(`${root}/byteorder`);
    if (order.size > 10 || new TextDecoder().decode(order.read(0, order.size)) !== 'little')
      throw new InputError(`${path}: is not in little-endian order`);
  }
  const storages = new Storages();
  const placeOf = ({ key, byteLength }: TorchStorage) => {
    const place = stored(`${root}/data/${key}`);
    if (place.size !== byteLength)
      throw new InputError(`${place.path}: has ${place.size} bytes, expected ${byteLength}`);
    return place;
  };
  const value = unpickle(new PickleInput(stored(pickle)), { named, external: (id) => storages.of(id) });
  for (const storage of storages.byKey.values()) placeOf(storage);
  return new TorchFile(path, value, new OpenTensors(bytes, placeOf));
}

/** The storages that a pickle refers to, each once. */
class Storages {
  readonly byKey = new Map<string, TorchStorage>();

  /** Throws PickleFault where the reference is broken, or contradicts another one. */
  of(id: PickleValue): TorchStorage {
    const storage = storageOf(id);
    const known = this.byKey.get(storage.key) ?? storage;
    if (known.dtype !== storage.dtype || known.byteLength !== storage.byteLength)
      throw new PickleFault('has a storage of two kinds');
    this.byKey.set(storage.key, known);
    return known;
  }
}

/** With what the older form begins, in a pickle of its own. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;

/** Before each storage stands the number of its elements. */
const ELEMENTS_BYTES = 8;

/** The older form: pickles of the magic number, version, machine, what was saved, the storages' keys; the storages. */
function readLegacy(bytes: OpenBytes): TorchFile {
  const { path } = bytes;
  const input = new PickleInput(bytes);
  const storages = new Storages();
  const next = () => unpickle(input, { named, external: (id) => storages.of(id) });
  if (magicOf(next) !== MAGIC) throw new InputError(`${path}: is no file that torch.save wrote`);
  if (next() !== LEGACY_VERSION)
    throw new InputError(`${path}: is of an unknown version of PyTorch's older form`);
  const machine = next();
  if (machine instanceof Map && machine.get('little_endian') === false)
    throw new InputError(`${path}: is not in little-endian order`);
  const value = next();
  const keys = next();
  const places = new Map<string, OpenBytes>();
  let { position } = input;
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = typeof key === 'string' ? storages.byKey.get(key) : undefined;
    if (!storage) throw new InputError(`${path}: has a storage that nothing refers to`);
    const elements = new DataView(bytes.read(position, ELEMENTS_BYTES).buffer).getBigUint64(0, true);
    if (elements !== BigInt(storage.elements))
      throw new InputError(`${path}: has a storage of ${elements} elements, expected ${storage.elements}`);
    position += ELEMENTS_BYTES;
    places.set(storage.key, partOf(bytes, position, storage.byteLength));
    position += storage.byteLength;
  }
  const lost = [...storages.byKey.keys()].find((key) => !places.has(key));
  if (lost !== undefined)
    throw new InputError(`${path}: is cut short: it has no storage ${JSON.stringify(lost)}`);
  return new TorchFile(path, value, new OpenTensors(bytes, ({ key }) => places.get(key)!));
}

/** What a file begins with; undefined where that is no pickle. */
function magicOf(next: () => PickleValue): PickleValue | undefined {
  try {
    return next();
  } catch (error) {
    if (error instanceof PickleFault) return undefined;
    throw error;
  }
}
