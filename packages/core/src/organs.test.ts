/** A data set's organs by its label names. */
import { expect, test } from 'vitest';
import { FLARE22_ORGANS, organsOf } from './organs.ts';

test('labels that are FLARE22’s are FLARE22’s organs, however they are written', () => {
  const names = FLARE22_ORGANS.map(({ name, longName }, i) =>
    i % 2 ? name : longName.toUpperCase().replaceAll(' ', '_'),
  );
  expect(organsOf(['background', ...names])).toBe(FLARE22_ORGANS);
});

test('others keep their names, with FLARE22’s tolerance for an organ of its', () => {
  const organs = organsOf(['background', 'Aorta', 'bladder', 'liver', 'RK']);
  expect(organs.map(({ id, name, toleranceMm, isTube }) => [id, name, toleranceMm, isTube])).toEqual([
    [1, 'Aorta', 2, true],
    [2, 'bladder', 3, false],
    [3, 'liver', 5, false],
    [4, 'RK', 3, false],
  ]);
});
