/** What is refused and said of all training cases together. */
import type { ScanDoubt } from '@organseg/core/volume/scanDoubts.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import { expect, test } from 'vitest';
import { labelNotes, scanNotes } from './caseNotes.ts';

const named = (name: string) => ({ name, image: '', labels: '' });
const NAMES = ['background', 'liver', 'spleen'];

/** Notes on cases that hold these numbers of voxels of background, liver and spleen; the last one is validated on. */
function notesOf(...voxels: number[][]): string[] {
  const cases = voxels.map((_, i) => named(`case-${i}`));
  const store = { labelVoxels: ({ name }: { name: string }) => voxels[Number(name.slice(5))]! };
  return labelNotes(cases.slice(0, -1), cases.slice(-1), store, NAMES, 'data');
}

test('nothing is said of labels that hold each organ', () => {
  expect(notesOf([8, 1, 0], [8, 0, 1], [8, 1, 1])).toEqual([]);
});

test('cases without organs are counted, organs that no training case holds are named', () => {
  expect(notesOf([8, 1, 0], [8, 0, 0], [8, 0, 1])).toEqual([
    '1 labelled case without any organ: case-1',
    '1 organ of dataset.json that no training case holds: spleen',
  ]);
});

test('training on background alone is refused', () => {
  expect(() => notesOf([8, 0, 0], [8, 0, 0], [8, 0, 1])).toThrow(
    'data: no training case holds any organ, its labels are all background',
  );
});

test('ignored voxels are no organ, and cases of nothing else are counted', () => {
  const ignored = (...voxels: number[]) => Object.assign(Array(256).fill(0), voxels, { [IGNORED]: 5 });
  expect(notesOf([8, 1, 1], ignored(8), ignored(), ignored(0, 1))).toEqual([
    '1 labelled case of which every voxel is ignored: case-2',
    '1 labelled case without any organ: case-1',
  ]);
  expect(() => notesOf(ignored(8), [8, 1, 1])).toThrow('its labels are all background or ignored');
});

test('doubtful scans are counted by their kind, and the first ones named', () => {
  const doubts: Record<string, ScanDoubt[]> = { lone: [{ about: 'orientation', text: 'it is guessed' }] };
  for (let i = 0; i < 9; i++) doubts[`many-${i}`] = [{ about: 'values', text: `they are ${i}` }];
  const cases = ['sound', ...Object.keys(doubts)].map(named);
  expect(scanNotes(cases, { doubts: ({ name }) => doubts[name] ?? [] })).toEqual([
    'lone: it is guessed',
    '9 scans with doubtful values: many-0, many-1, many-2, many-3, many-4 and 4 more; many-0: they are 0',
  ]);
});
