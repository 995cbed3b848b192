/** Folders in a zip, whoever packed it. */
import { InputError } from '@organseg/core/inputError.ts';
import type { ZipEntry } from '@organseg/files/zip.ts';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { readJson } from './modelFiles.ts';
import { type ZipFile, ZipFolder } from './zipFolder.ts';

const folderOf = (...names: string[]) =>
  ZipFolder.of({ path: 'model.zip' } as ZipFile, new Map(names.map((name) => [name, {} as ZipEntry])));

test.each([
  ['plain names', ['results/A/plans.json', 'results/A/fold_0/checkpoint_final.pth', 'results/B/x']],
  [
    'folders of their own',
    ['results/', 'results/A/', 'results/A/fold_0/', 'results/A/plans.json', 'results/B/'],
  ],
  [
    'names below the folder that was packed',
    ['./results/A/plans.json', './results/A/fold_0/x', './results/B/x'],
  ],
  ['names of Windows', ['results\\A\\plans.json', 'results\\A\\fold_0\\x', 'results\\B\\x']],
])('%s are found by folder', async (_, names) => {
  const whole = folderOf(...names);
  expect(await whole.names()).toEqual(['results']);
  const results = whole.folder('results');
  expect(await results.names()).toEqual(['A', 'B']);
  expect(await results.folder('A').names()).toEqual(['fold_0', 'plans.json']);
  expect(results.folder('A').has('plans.json')).toBe(true);
  expect(results.has('A/fold_0')).toBe(true);
  expect(results.has('A/fold')).toBe(false);
  expect(await results.folder('none').names()).toEqual([]);
});

test.each([
  ['above it', '../plans.json', '"../plans.json" which lies outside of it'],
  ['above it, further down', 'A/../../plans.json', '"A/../../plans.json" which lies outside of it'],
  ['above it, in Windows’ way', '..\\plans.json', '"..\\\\plans.json" which lies outside of it'],
  ['from the root', '/etc/plans.json', '"/etc/plans.json" which lies outside of it'],
  ['on another machine', '\\\\host\\x', '"\\\\\\\\host\\\\x" which lies outside of it'],
  ['on a drive', 'C:\\plans.json', '"C:\\\\plans.json" which lies outside of it'],
  ['twice, written in two ways', 'A\\dataset.json', '"A/dataset.json" twice'],
  ['below a file', 'A/dataset.json/x', '"A/dataset.json" as a file and as a folder'],
])('what lies %s is refused', (_, name, fault) => {
  expect(() => folderOf('A/dataset.json', name)).toThrow(new InputError(`model.zip: holds ${fault}`));
});

test('a JSON file that is too large is refused before it is unpacked', async () => {
  const open = vi.fn();
  const zip: ZipFile = { path: 'model.zip', open, sha256: open };
  const files = ZipFolder.of(zip, new Map([['plans.json', { size: 17 << 20 } as ZipEntry]]));
  await expect(readJson(files, 'plans.json', z.json())).rejects.toThrow(
    'model.zip/plans.json: is larger than 16777216 bytes, too large for JSON',
  );
  expect(open).not.toHaveBeenCalled();
});
