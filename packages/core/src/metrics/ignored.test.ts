/** Voxels that a reference says nothing of, left out of scores. */
import { expect, test } from 'vitest';
import { FLARE22_ORGANS } from '../organs.ts';
import { withoutIgnored } from './ignored.ts';
import { labelMap } from './labelMap.ts';
import { RULE_SETS, scoreCase } from './score.ts';

const IGNORE = 14;
const [liver] = FLARE22_ORGANS;

test('what is predicted in ignored voxels changes neither DSC nor NSD', () => {
  // Planes of 4 × 4 voxels: the liver in two, one that is ignored, one of background.
  const planes = (...labels: number[]) => Uint8Array.from(labels.flatMap((label) => Array(16).fill(label)));
  const scoreOf = (guess: Uint8Array) => {
    const { reference, prediction } = withoutIgnored(
      { reference: planes(1, 1, IGNORE, 0), prediction: guess },
      IGNORE,
    );
    const maps = [reference, prediction].map((data) => labelMap([4, 4, 4], data, 'map'));
    return scoreCase(maps[0]!, maps[1]!, [1, 1, 1], [liver!], RULE_SETS.plain).mean;
  };
  expect(scoreOf(planes(1, 1, 1, 0))).toEqual({ dsc: 1, nsd: 1 });
  expect(scoreOf(planes(1, 1, 0, 0))).toEqual({ dsc: 1, nsd: 1 });
  expect(scoreOf(planes(1, 1, 9, 0))).toEqual({ dsc: 1, nsd: 1 });
  expect(scoreOf(planes(1, 1, 1, 1)).dsc).toBe(0.8); // of 32 voxels all, and 16 too many
});

test('maps are as they were where there is nothing to leave out', () => {
  const pair = { reference: Uint8Array.of(0, 1, 2), prediction: Uint8Array.of(2, 1, 1) };
  expect(withoutIgnored(pair, undefined)).toEqual(pair);
  const known = structuredClone(pair);
  expect(withoutIgnored(pair, 2)).toEqual({
    reference: Uint8Array.of(0, 1, 0),
    prediction: Uint8Array.of(2, 1, 0),
  });
  expect(pair).toEqual(known);
});
