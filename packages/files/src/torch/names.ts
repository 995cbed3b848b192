/**
 * What the names in PyTorch's files stand for: plain data and tensors. A name that is not here is refused; nothing is
 * ever looked up among Python's.
 */
import { NumpyArray, NumpyDtype, numpyScalar } from './numpy.ts';
import { BYTE_WEIGHT, type Meter, Named, type PickleValue, RARE_WEIGHT } from './pickle.ts';
import { PickleFault } from './pickleInput.ts';
import { isTorchDtype, STORAGE_DTYPES, TorchStorage, TorchTensor } from './tensor.ts';

type Make = NonNullable<Named['make']>;

/** PyTorch's tensor from (storage, offset, shape, strides, …); `dtype` stands at it where its storage has none. */
function tensor([storage, offset, shape, strides, ...rest]: PickleValue[], meter: Meter): PickleValue {
  if (!(storage instanceof TorchStorage && isCount(offset) && areCounts(shape) && areCounts(strides)))
    throw new PickleFault('has a broken tensor');
  meter.add(RARE_WEIGHT);
  const { dtype } = storage;
  if (dtype !== 'untyped') return new TorchTensor(storage, dtype, shape, strides, offset);
  const named = rest[2];
  const name = named instanceof Named ? dtypeOf(named.name) : '';
  if (!isTorchDtype(name))
    throw new PickleFault(`has a tensor of dtype ${name || 'unknown'}, which is not read`);
  return new TorchTensor(storage, name, shape, strides, offset);
}

const isCount = (value: PickleValue | undefined): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

const areCounts = (value: PickleValue | undefined): value is number[] =>
  Array.isArray(value) && value.every(isCount);

const dict: Make = ([entries = []], meter) => {
  if (!Array.isArray(entries)) throw new PickleFault('makes a dict of what is no list');
  meter.add(RARE_WEIGHT + 2 * entries.length);
  return new Map(
    entries.map((entry) => {
      if (!(Array.isArray(entry) && entry.length === 2)) throw new PickleFault('has a key without a value');
      return entry as [PickleValue, PickleValue];
    }),
  );
};

const set: Make = ([values = []], meter) => {
  if (!Array.isArray(values)) throw new PickleFault('makes a set of what is no list');
  meter.add(RARE_WEIGHT + 2 * values.length);
  return new Set(values);
};

/** Bytes, which protocol 2 writes as text of Latin-1 characters. */
const encode: Make = ([text, encoding], meter) => {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1'))
    throw new PickleFault('has bytes in an unknown encoding');
  meter.add(4 + BYTE_WEIGHT * text.length);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};

/** A device, such as cpu or cuda:0. */
const device: Make = ([type, index]) => {
  if (typeof type !== 'string' || !(index === undefined || isCount(index)))
    throw new PickleFault('has a broken device');
  return index === undefined ? type : `${type}:${index}`;
};

const first: Make = ([value = null]) => value;

const MAKERS: Readonly<Record<string, Make>> = {
  'collections.OrderedDict': dict,
  'builtins.set': set,
  '__builtin__.set': set,
  'builtins.frozenset': set,
  '__builtin__.frozenset': set,
  '_codecs.encode': encode,
  'torch._utils._rebuild_tensor': tensor,
  'torch._utils._rebuild_tensor_v2': tensor,
  'torch._utils._rebuild_tensor_v3': tensor,
  'torch._utils._rebuild_parameter': first,
  'torch._utils._rebuild_parameter_with_state': first,
  'torch.Size': first,
  'torch.device': device,
  'numpy.dtype': ([code = null]) => new NumpyDtype(code),
  ...Object.fromEntries(
    ['numpy.core.multiarray', 'numpy._core.multiarray'].flatMap((module): [string, Make][] => [
      [`${module}.scalar`, numpyScalar],
      [
        `${module}._reconstruct`,
        (_, meter) => {
          meter.add(RARE_WEIGHT);
          return new NumpyArray();
        },
      ],
    ]),
  ),
};

/** What a name stands for. Throws PickleFault where it is not known. */
export function named(name: string): Named {
  if (Object.hasOwn(MAKERS, name)) return new Named(name, MAKERS[name]);
  if (name === 'numpy.ndarray' || storageDtype(name) || isTorchDtype(dtypeOf(name))) return new Named(name);
  const printable = name.replaceAll(/[^\w.]/g, '?').slice(0, 200);
  throw new PickleFault(
    `asks Python for ${printable}, and is refused: of PyTorch's files only tensors and plain values are read, such as a network's state_dict()`,
  );
}

const dtypeOf = (name: string): string => name.replace(/^torch\./, '');

/** The dtype of a storage by the name of its class; undefined where it is no storage. */
function storageDtype(name: string): TorchStorage['dtype'] | undefined {
  if (name === 'torch.storage.UntypedStorage') return 'untyped';
  const [module, type, ...rest] = name.split('.');
  const isKnown = module === 'torch' && rest.length === 0 && Object.hasOwn(STORAGE_DTYPES, type ?? '');
  return isKnown ? STORAGE_DTYPES[type!] : undefined;
}

/** Storages are numbered; in the older form the numbers are addresses. */
const isKey = (key: PickleValue | undefined): key is string =>
  typeof key === 'string' && /^[\w.-]{1,100}$/.test(key);

/** The storage that a reference outside the pickle names: ('storage', class, key, device, elements). Throws PickleFault. */
export function storageOf(id: PickleValue): TorchStorage {
  const [kind, type, key, , elements, view = null] = Array.isArray(id) ? id : [];
  const dtype = type instanceof Named ? storageDtype(type.name) : undefined;
  if (kind !== 'storage' || !dtype || !isKey(key) || !isCount(elements) || view !== null)
    throw new PickleFault('refers to data that is no storage');
  return new TorchStorage(key, dtype, elements);
}
