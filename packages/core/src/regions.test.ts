/** What regions are called, by themselves and by their ids. */
import { expect, test } from 'vitest';
import { namesById, structuresOf } from './regions.ts';

const NAMES = ['background', 'tumour', 'core', 'enhancing'];
const region = (label: number, ...labels: number[]) => ({ labels, label });

test('an id is named by the region whose part it is, and what else has none of it', () => {
  const nested = [region(1, 1, 2, 3), region(2, 2, 3), region(3, 3)];
  expect(namesById(NAMES, nested)).toEqual([
    'background',
    'tumour without core',
    'core without enhancing',
    'enhancing',
  ]);
  const crossing = [region(1, 1, 2), region(3, 2, 3), region(2, 2)];
  expect(namesById(['background', 'one', 'both', 'other'], crossing)).toEqual([
    'background',
    'one without other',
    'both',
    'other without one',
  ]);
  expect(namesById(NAMES)).toBe(NAMES);
});

test('a structure has the ids of its region, whatever their order; a label its own', () => {
  expect(structuresOf(NAMES, [region(2, 2, 3), region(1, 1, 2, 3), region(3, 3)])).toMatchObject([
    { label: 1, name: 'tumour', ids: [1, 2, 3] },
    { label: 2, name: 'core', ids: [2, 3] },
    { label: 3, name: 'enhancing', ids: [3] },
  ]);
  expect(structuresOf(['background', 'liver'])).toEqual([{ label: 1, name: 'liver', ids: [1] }]);
});
