/** The splits of a cross-validation. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '@organseg/files/dataset.ts';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixture.ts';
import { foldOf, splitsOf } from './splits.ts';

const dataset = (folder: string, count: number): Dataset => ({
  folder,
  labelled: Array.from({ length: count }, (_, i) => ({ name: `c${i}`, image: '', labels: '' })),
  unlabelled: [],
  test: [],
  channelNames: ['CT'],
  labelNames: [],
  notes: [],
});

test('without a file every case is validated on once, by folds of nearly one size, always alike', async () => {
  const data = dataset(temporaryFolder(), 12);
  const splits = await splitsOf(data, 5);
  expect(splits.map(({ val }) => val.length)).toEqual([3, 3, 2, 2, 2]);
  expect(splits.flatMap(({ val }) => val).sort()).toEqual(data.labelled.map(({ name }) => name).sort());
  for (const { train, val } of splits) expect(new Set([...train, ...val]).size).toBe(12);
  expect(await splitsOf(data, 5)).toEqual(splits);
  expect(splits[0].val).not.toEqual(['c0', 'c1', 'c2']);
  expect(await foldOf(data, { fold: 4 })).toEqual({ fold: 4, folds: 5 });
  await expect(foldOf(data, { fold: 5 })).rejects.toThrow('has no fold 5; its 5 are 0 to 4');
  await expect(splitsOf(data, 1)).rejects.toThrow(
    'splits_final.json alone can have one fold; it is not there',
  );
  await expect(splitsOf(data, 13)).rejects.toThrow('13 folds of 12 labelled cases');
});

test('splits_final.json decides, and is refused where it does not fit', async () => {
  const folder = temporaryFolder();
  const data = dataset(folder, 3);
  const write = (splits: unknown) => writeFileSync(join(folder, 'splits_final.json'), JSON.stringify(splits));
  const splits = [
    { train: ['c0'], val: ['c2'] },
    { train: ['c2', 'c1'], val: ['c0'] },
  ];
  write(splits);
  expect(await splitsOf(data, 2)).toEqual(splits);
  expect(await foldOf(data, { fold: 1 })).toEqual({ fold: 1, folds: 2 });
  await expect(splitsOf(data, 5)).rejects.toThrow('splits_final.json: holds 2 folds, asked for are 5');
  write([splits[0], { train: ['c9'], val: ['c0'] }]);
  await expect(splitsOf(data, 2)).rejects.toThrow('c9 of fold 1 is not in');
  write([splits[0], { train: ['c0'], val: ['c0'] }]);
  await expect(splitsOf(data, 2)).rejects.toThrow('c0 is in both parts of fold 1');
  write([splits[0], { train: ['c0'], val: [] }]);
  await expect(splitsOf(data, 2)).rejects.toThrow('fold 1 has an empty part');
  write(splits.slice(0, 1));
  expect(await foldOf(data, { fold: 0 })).toEqual({ fold: 0, folds: 1 });
  await expect(foldOf(data, { fold: 1 })).rejects.toThrow('has no fold 1; its only one is 0');
});
