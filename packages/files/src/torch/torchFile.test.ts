/** PyTorch's files: those that PyTorch wrote itself, broken ones and ones that mean harm. */
import { InputError } from '@organseg/core/inputError.ts';
import { Random } from '@organseg/core/random.ts';
import { describe, expect, test } from 'vitest';
import { OpenFile } from '../openFile.ts';
import { storedBytes, zipEntries } from '../zip.ts';
import type { NumpyArray } from './numpy.ts';
import { openTorchFile } from './openTorchFile.ts';
import type { Named, PickleValue } from './pickle.ts';
import { TorchTensor } from './tensor.ts';
import { readTorchFile, type TorchFile } from './torchFile.ts';
import {
  BytesInMemory,
  floatBytes,
  golden,
  integer,
  name,
  pickle,
  tensor,
  text,
  torchZip,
} from './torchFixture.ts';

const folder = golden('torch-files');
const path = (file: string) => `${folder}/${file}`;

const read = (bytes: Uint8Array) => readTorchFile(new BytesInMemory(bytes));
const readPickle = async (...parts: Parameters<typeof pickle>) => read(await torchZip(pickle(...parts)));

/** The float32 values of a NumPy archive by name. */
async function npz(file: string): Promise<Map<string, Float32Array>> {
  const zip = new OpenFile(file);
  try {
    return new Map(
      [...(await zipEntries(zip)).values()].map((entry) => {
        const bytes = storedBytes(zip, entry);
        const headerBytes = new DataView(bytes.read(8, 2).buffer).getUint16(0, true);
        return [
          entry.name.replace(/\.npy$/, ''),
          new Float32Array(bytes.read(10 + headerBytes, bytes.size - 10 - headerBytes).buffer),
        ];
      }),
    );
  } finally {
    zip.close();
  }
}

const tensorsOf = ({ value }: TorchFile) => value as Map<string, TorchTensor>;

describe.skipIf(!folder)('files that PyTorch wrote (skipped where ../shared is not there)', () => {
  /** Below this float16 has fewer digits. */
  const LEAST_NORMAL = 2 ** -14;
  const UNITS = { zip: 0, legacy: 0, half: 2 ** -11, bfloat16: 2 ** -8 };
  test.each(Object.entries(UNITS))(
    '%s.pth holds the values within its type’s rounding',
    async (kind, unit) => {
      const expected = await npz(path('expected.npz'));
      const file = await openTorchFile(path(`${kind}.pth`));
      const tensors = tensorsOf(file);
      expect([...tensors.keys()]).toEqual([...expected.keys()]);
      for (const [key, values] of expected) {
        const got = file.floats(tensors.get(key)!);
        expect(got.length).toBe(values.length);
        const far = got.findIndex(
          (value, i) => Math.abs(value - values[i]!) > unit * Math.max(Math.abs(values[i]!), LEAST_NORMAL),
        );
        expect(far, key).toBe(-1);
      }
      file.close();
    },
  );

  test('views, shared storages, other dtypes and values of NumPy', async () => {
    const file = await openTorchFile(path('odd.pth'));
    const value = file.value as Map<string, PickleValue>;
    const tensors = new Map(
      [...value].filter((entry): entry is [string, TorchTensor] => entry[1] instanceof TorchTensor),
    );
    const floats = (key: string) => [...file.floats(tensors.get(key)!)];
    expect(floats('shared')).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(tensors.get('shared')!.storage).toBe(tensors.get('transposed')!.storage);
    expect(tensors.get('transposed')!.shape).toEqual([5, 3, 4]);
    expect(floats('transposed').slice(0, 13)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 1]);
    expect(floats('view')).toEqual([21, 22, 23, 31, 32, 33, 41, 42, 43, 51, 52, 53]);
    expect(floats('scalar')).toEqual([3.5]);
    expect(tensors.get('empty')!.shape).toEqual([0, 3]);
    expect(floats('empty')).toEqual([]);
    expect(floats('long')).toEqual([1, -2, 2 ** 40]);
    expect(floats('double')).toEqual([Math.fround(0.1), Math.fround(0.2)]);
    expect([...floats('bool'), ...floats('int8'), ...floats('parameter')]).toEqual([1, 0, -3, 4, 1, 2]);
    expect([value.get('np64'), value.get('np32'), value.get('npi')]).toEqual([1.25, 0.5, 7]);
    const array = value.get('nparray') as NumpyArray;
    expect([array.shape, [...array.values()]]).toEqual([
      [2, 3],
      [0, 1, 2, 3, 4, 5],
    ]);
    expect([value.get('device'), value.get('size')]).toEqual(['cuda:0', [1, 2]]);
    expect((value.get('dtype') as Named).name).toBe('torch.float16');
    file.close();
  });

  test.each([
    ['truncated.pth', 'is a broken zip, or one cut short: End of central directory not found'],
    ['evil-os-system.pth', 'asks Python for posix.system, and is refused'],
    ['whole-module.pth', 'asks Python for torch.nn.modules.container.Sequential, and is refused'],
    ['expected.npz', 'is a zip, but none that PyTorch wrote'],
  ])('%s is refused', async (file, fault) => {
    const refusal = openTorchFile(path(file));
    await expect(refusal).rejects.toThrow(InputError);
    await expect(refusal).rejects.toThrow(`${path(file)}: ${fault}`);
  });

  test('any file cut short anywhere is refused in one line', async () => {
    for (const kind of ['zip', 'legacy']) {
      const whole = new OpenFile(path(`${kind}.pth`));
      const bytes = whole.read(0, whole.size);
      whole.close();
      for (let length = 0; length < bytes.length; length += 509)
        await expect(read(bytes.subarray(0, length)), `${kind} ${length}`).rejects.toThrow(
          /^network\.pth: [^\n]+$/,
        );
    }
  });
});

describe('files in a zip', () => {
  const values = tensor('0', 'FloatStorage', 6, [2, 3], [3, 1]);

  test.each([false, true])('are read, with zip64: %s', async (zip64) => {
    const storages = { 0: floatBytes(1, 2, 3, 4, 5, 6) };
    const file = await read(await torchZip(pickle(...values), storages, { zip64 }));
    expect([...file.floats(file.value as TorchTensor)]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('of a storage no more is read than the part asked for', async () => {
    const part = tensor('0', 'FloatStorage', 100_000, [2, 2], [3, 1], 50_000);
    const bytes = new BytesInMemory(await torchZip(pickle(...part), { 0: new Uint8Array(400_000) }));
    const file = await readTorchFile(bytes);
    bytes.bytesRead = 0;
    file.floats(file.value as TorchTensor);
    expect(bytes.bytesRead).toBeLessThan(100);
  });

  test.each([
    ['a compressed entry', { level: 5 }, 'network.pth: network/data.pkl: is compressed, expected stored'],
    ['an encrypted entry', { password: 'secret' }, 'network.pth: network/data.pkl: is encrypted'],
  ])('%s is refused', async (_, options, fault) => {
    const zip = await torchZip(pickle(...values), { 0: floatBytes(1, 2, 3, 4, 5, 6) }, options);
    await expect(read(zip)).rejects.toThrow(fault);
  });

  test.each([
    ['a storage that is not there', values, {}, 'has no network/data/0'],
    ['a storage too short', values, { 0: floatBytes(1, 2) }, 'network/data/0: has 8 bytes, expected 24'],
    [
      'a tensor beyond its storage',
      tensor('0', 'FloatStorage', 6, [2, 3], [4, 1]),
      { 0: floatBytes(1, 2, 3, 4, 5, 6) },
      'has a tensor [2,3] that does not lie in its storage of 6 elements',
    ],
    [
      'one value repeated a milliard times',
      tensor('0', 'FloatStorage', 1, [1000, 1000, 1000], [0, 0, 0]),
      { 0: floatBytes(1) },
      'has a tensor [1000,1000,1000] that repeats the elements of its storage',
    ],
    [
      'a complex tensor',
      tensor('0', 'ComplexFloatStorage', 1, [1], [1]),
      {},
      'asks Python for torch.ComplexFloatStorage',
    ],
  ])('%s is refused', async (_, parts, storages, fault) => {
    await expect(read(await torchZip(pickle(...parts), storages))).rejects.toThrow(`network.pth: ${fault}`);
  });
});

describe('pickles that mean harm', () => {
  const many = (count: number, part: string) => part.repeat(count);

  test.each<[string, string, Parameters<typeof pickle>]>([
    [
      'a call of Python’s eval',
      'asks Python for builtins.eval',
      [name('builtins', 'eval'), text('1'), 0x85, 'R'],
    ],
    ['a name with control characters', 'asks Python for os.?sys?tem', [name('os', '\x1bsys\x07tem')]],
    ['a name that is one of JavaScript’s', 'asks Python for constructor.', [name('constructor', '')]],
    ['a module by its parts', 'asks Python for os.system', [text('os'), text('system'), 0x93]],
    ['a call of a value', 'calls what cannot be called', [text('os.system'), ')', 'R']],
    [
      'a state for a tensor',
      'gives a state to what has none',
      [...tensor('0', 'FloatStorage', 0, [0], [1]), '}', 'b'],
    ],
    ['hundreds of thousands of dicts', 'holds more values than any checkpoint', ['(', many(300_000, '}')]],
    [
      'bytes copied again and again',
      'holds more values than any checkpoint',
      [
        name('_codecs', 'encode'),
        'q\0',
        text(many(1 << 20, 'a')),
        text('latin1'),
        0x86,
        'q\x01',
        '0',
        many(1000, 'h\0h\x01R0'),
      ],
    ],
    [
      'a list copied again and again',
      'holds more values than any checkpoint',
      [
        ']',
        '(',
        many(1000, 'N'),
        'e',
        0x85,
        'q\0',
        '0',
        name('builtins', 'set'),
        'q\x01',
        '0',
        many(20_000, 'h\x01h\0R0'),
      ],
    ],
    ['a stack without end', 'nests its values too deep', [many(1_100_000, 'N')]],
    ['marks without end', 'nests its values too deep', [many(1_100_000, '(')]],
    ['a text longer than the file', 'is cut short', ['X\xff\xff\xff\x7f']],
    ['a whole number of a milliard digits', 'has a whole number of', [0x8b, '\xff\xff\xff\x7f']],
    ['a value kept under a number far away', 'numbers its values out of turn', ['N', 'r\xff\xff\xff\x7f']],
    ['a value that was never kept', 'refers to a value that is not there', ['h\x05']],
    ['more values taken than there are', 'takes more values than it has', ['N', 0x87]],
    [
      'a name of a milliard letters',
      'has a broken device',
      [
        ...[name('torch', 'device'), 'q\0', '0', text(many(1 << 20, 'a')), 'q\x01', '0'],
        ...[']', '(', many(1000, 'h\x01'), 'e', 0x85, 'q\x02', '0', 'h\0h\x02R'],
      ],
    ],
    ['an operation of protocol 0', 'has the unknown operation 0x49', ['I1\n']],
  ])('%s is refused', async (_, fault, parts) => {
    const refusal = readPickle(...parts);
    await expect(refusal).rejects.toThrow(InputError);
    await expect(refusal).rejects.toThrow(`network.pth: ${fault}`);
  });

  test('a list that holds itself is read', async () => {
    const { value } = await readPickle(']', 'q\0', 'h\0', 'a');
    expect((value as PickleValue[])[0]).toBe(value);
  });
});

describe('bytes changed at random', () => {
  const ROUNDS = 200;

  /** A file of this kind with a few bytes changed, cut out or doubled, and read to its last tensor. */
  async function readChanged(bytes: Uint8Array, random: Random): Promise<void> {
    const changed = [...bytes];
    for (let changes = 1 + random.int(4); changes > 0; changes--) {
      const at = random.int(changed.length);
      const length = 1 + random.int(8);
      const kind = random.int(4);
      if (kind === 0) changed.splice(at, length);
      else if (kind === 1) changed.splice(at, 0, ...changed.slice(at, at + length));
      else if (kind === 2) changed[at] = random.int(256);
      else changed[at] = changed[at]! ^ (1 << random.int(8));
    }
    try {
      const file = await read(Uint8Array.from(changed));
      if (!(file.value instanceof Map)) return;
      for (const value of file.value.values()) if (value instanceof TorchTensor) file.floats(value);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.message).toMatch(/^network\.pth: [\x20-\x7e]+$/);
    }
  }

  const dict = pickle(
    ...['}', 'q\0', '(', text('weights'), ...tensor('0', 'FloatStorage', 6, [2, 3], [3, 1])],
    ...[
      text('step'),
      integer(7),
      text('loss'),
      ']',
      '(',
      'G\x3f\xf0\0\0\0\0\0\0',
      0x8a,
      0x01,
      0x05,
      'e',
      'u',
    ],
  );

  test('a zip is read or refused in one line', async () => {
    const zip = await torchZip(dict, { 0: floatBytes(1, 2, 3, 4, 5, 6) });
    const random = new Random(20n);
    for (let round = 0; round < ROUNDS; round++) await readChanged(zip, random);
  });

  test.skipIf(!folder).each(['odd.pth', 'legacy.pth'])('%s is read or refused in one line', async (file) => {
    const whole = new OpenFile(path(file));
    const bytes = whole.read(0, whole.size);
    whole.close();
    const random = new Random(21n);
    for (let round = 0; round < ROUNDS; round++) await readChanged(bytes, random);
  });

  test('a pickle inside a whole zip is read or refused in one line', async () => {
    const random = new Random(22n);
    for (let round = 0; round < ROUNDS; round++) {
      const changed = Uint8Array.from(dict);
      for (let changes = 1 + random.int(3); changes > 0; changes--)
        changed[2 + random.int(changed.length - 2)] = random.int(256);
      await readChanged(await torchZip(changed, { 0: floatBytes(1, 2, 3, 4, 5, 6) }), random);
    }
  });
});
