/** Tables of labels: by name and by number, and the words for what is wrong in them. */
import { expect, test } from 'vitest';
import { lookupOf, namesOf, parseJoinTable } from './labelLookup.ts';
import { TASKS } from './totalSegmentatorTasks.ts';

test('names go before numbers; what is not named becomes background', () => {
  const lookup = lookupOf(
    { liver: 'Leber', 3: 1 },
    { labelNames: ['background', 'spleen', 'liver', 'colon'] },
    ['background', 'Milz', 'Leber'],
    't',
  );
  expect([...lookup]).toEqual([0, 0, 2, 1]);
});

test('a region becomes something with all its ids, but for those of later regions in the table', () => {
  const labelNames = ['background', 'tumour', 'core', 'enhancing'];
  const regions = [
    { labels: [1, 2, 3], label: 1 },
    { labels: [2, 3], label: 2 },
    { labels: [3], label: 3 },
  ];
  const becomes = (table: object) => [
    ...lookupOf({ ...table }, { labelNames, regions }, ['background', 'lesion', 'centre'], 't'),
  ];
  expect(becomes({ tumour: 'lesion' })).toEqual([0, 1, 1, 1]);
  expect(becomes({ tumour: 'lesion', core: 'centre' })).toEqual([0, 1, 2, 2]);
});

test.each([
  [{ livre: 1 }, 't: the model has no label livre; it has background, liver'],
  [{ liver: 'rate' }, 't: the result has no label rate; it has background, spleen'],
  [{ liver: 'spleen', 1: 0 }, 't: 1 and liver are one label'],
  [{ liver: 7 }, 't: the result has no label 7; it has background, spleen'],
])('%j is refused', (table, message) => {
  expect(() =>
    lookupOf(table, { labelNames: ['background', 'liver'] }, ['background', 'spleen'], 't'),
  ).toThrow(message);
});

test('numbers of joined labels are whole and each its own', () => {
  const table = (labels: Record<string, number>) => parseJoinTable({ labels, models: [{}] }, 't');
  expect(namesOf(table({ spleen: 2, liver: 1 }), 't')).toEqual(['background', 'liver', 'spleen']);
  expect(namesOf(table({ none: 0, liver: 1 }), 't')).toEqual(['none', 'liver']);
  expect(() => namesOf(table({ liver: 1, spleen: 1 }), 't')).toThrow(
    't: labels: spleen is 1, and so is liver',
  );
  expect(() => namesOf(table({ liver: 1, spleen: 3 }), 't')).toThrow('t: labels: none is 2');
  expect(() => parseJoinTable({ labels: { liver: 400 }, models: [{}] }, 't')).toThrow('t: labels.liver');
  expect(() => parseJoinTable({ labels: { liver: 1 }, models: [{ liver: ['a'] }] }, 't')).toThrow(
    't: models.0.liver: expected the name or the number of a label',
  );
});

test('TotalSegmentator’s tasks have the numbers of classes that its models have', () => {
  const counts = (parts: (typeof TASKS)['total']['parts']) => parts.map(({ labels }) => labels.length);
  expect(counts(TASKS.total.parts)).toEqual([24, 26, 18, 23, 26]);
  expect(counts(TASKS.total_mr.parts)).toEqual([29, 21]);
  expect(TASKS.total_fast.parts[0]!.labels).toHaveLength(117);
});
