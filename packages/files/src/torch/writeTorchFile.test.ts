/** PyTorch's files as this program writes them, read back and by PyTorch. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { storedBytes, zipEntries } from '../zip.ts';
import { openTorchFile } from './openTorchFile.ts';
import type { TorchTensor } from './tensor.ts';
import { BytesInMemory } from './torchFixture.ts';
import { Tuple } from './writePickle.ts';
import { writeTorchFile } from './writeTorchFile.ts';
import { storedZip } from './writeZip.ts';

const hasTorch = spawnSync('python3', ['-c', 'import torch']).status === 0;

/** What a Python program prints of a file, as JSON. */
const python = (program: string, path: string) =>
  JSON.parse(execFileSync('python3', ['-c', program, path], { encoding: 'utf8' }));

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'model.pth');
}

/** A tensor of whole numbers from `first` on. */
const counting = (first: number, ...shape: number[]) => ({
  shape,
  read: () => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i),
});

const weight = counting(0, 2, 3, 1);
const CHECKPOINT = {
  network_weights: new Map([
    ['conv.weight', weight],
    ['conv.bias', counting(-1, 2)],
    ['alias.weight', weight],
  ]),
  init_args: { fold: 0, plans: { spacing: [1, 2, 3], none: null, name: 'Leber µ' } },
  axes: new Tuple(0, 1, 2),
  numbers: [0, -1, 255, 2 ** 31, -(2 ** 31), 2 ** 40],
  flags: [true, false],
  empty: [new Tuple(), [], {}],
};

const LOADED = {
  keys: ['conv.weight', 'conv.bias', 'alias.weight'],
  values: [
    [
      [[0], [1], [2]],
      [[3], [4], [5]],
    ],
    [-1, 0],
  ],
  isShared: true,
  kinds: ['OrderedDict', 'tuple', 'int', 'bool'],
  rest: {
    init_args: CHECKPOINT.init_args,
    axes: [0, 1, 2],
    numbers: CHECKPOINT.numbers,
    flags: [true, false],
    empty: [[], [], {}],
  },
};

test.skipIf(!hasTorch)('torch.load(weights_only=True) reads them (needs python3 with torch)', async () => {
  const path = newFile();
  await writeTorchFile(path, CHECKPOINT);
  const program = `
import sys, json, torch
c = torch.load(sys.argv[1], weights_only=True)
w = c.pop('network_weights')
kind = lambda x: type(x).__name__
print(json.dumps({
  'keys': list(w),
  'values': [w['conv.weight'].tolist(), w['conv.bias'].tolist()],
  'isShared': w['alias.weight'].data_ptr() == w['conv.weight'].data_ptr(),
  'kinds': [kind(w), kind(c['axes']), kind(c['numbers'][0]), kind(c['flags'][0])],
  'rest': c,
}))`;
  expect(python(program, path)).toEqual(LOADED);
});

test.skipIf(!hasTorch)('torch.load reads numbers with fractions (needs python3 with torch)', async () => {
  const path = newFile();
  const numbers = [0.1, -0.5, 1e300, 2 ** 60];
  await writeTorchFile(path, numbers);
  // Of PyTorch 1.13, weights_only=True refuses all such numbers.
  expect(
    python('import sys, json, torch; print(json.dumps(torch.load(sys.argv[1], weights_only=False)))', path),
  ).toEqual(numbers);
});

test('they are read back', async () => {
  const path = newFile();
  await writeTorchFile(path, { ...CHECKPOINT, fractions: [0.1, -0.5, 1e300] });
  const file = await openTorchFile(path);
  onTestFinished(() => file.close());
  const { network_weights, ...rest } = objectOf(file.value) as Record<string, unknown>;
  const tensors = network_weights as Record<string, TorchTensor>;
  expect(Object.keys(tensors)).toEqual(LOADED.keys);
  expect(tensors['conv.weight']).toMatchObject({ dtype: 'float32', shape: [2, 3, 1], strides: [3, 1, 1] });
  expect(file.floats(tensors['conv.weight']!)).toEqual(weight.read());
  expect(file.floats(tensors['conv.bias']!)).toEqual(Float32Array.of(-1, 0));
  expect(tensors['alias.weight']!.storage).toBe(tensors['conv.weight']!.storage);
  expect(rest).toEqual({ ...LOADED.rest, fractions: [0.1, -0.5, 1e300] });
});

/** Dicts of a pickle as objects. */
function objectOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(objectOf);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries(Array.from(value, ([key, each]) => [key, objectOf(each)]));
}

test('more entries than a zip file without zip64 can hold', async () => {
  const count = 65_535;
  const entries = Array.from({ length: count }, (_, i) => ({ name: `${i}`, bytes: () => Uint8Array.of(i) }));
  const zip = new BytesInMemory(Buffer.concat([...storedZip(entries)]));
  const found = await zipEntries(zip);
  expect(found.size).toBe(count);
  expect([...storedBytes(zip, found.get(`${count - 1}`)!).read(0, 1)]).toEqual([(count - 1) % 256]);
});

test('values lie on multiples of 64 bytes, and those of several names once', async () => {
  const path = newFile();
  await writeTorchFile(path, CHECKPOINT);
  const file = readFileSync(path);
  const places = [
    [0, 1, 2, 3, 4, 5],
    [-1, 0],
  ].map((values) => {
    const bytes = Buffer.from(Float32Array.from(values).buffer);
    expect(file.lastIndexOf(bytes)).toBe(file.indexOf(bytes));
    return file.indexOf(bytes);
  });
  for (const place of places) {
    expect(place).toBeGreaterThan(0);
    expect(place % 64).toBe(0);
  }
});
