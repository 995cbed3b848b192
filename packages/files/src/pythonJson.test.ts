/** JSON as Python writes it. */
import { expect, test } from 'vitest';
import { withoutPythonWords } from './pythonJson.ts';
import { plainValue } from './torch/plainValue.ts';

test('in pickles, too, numbers that are none become null', () => {
  const settings = new Map([['mean', [Number.NaN, 1, Number.POSITIVE_INFINITY]]]);
  expect(plainValue(settings, 'plans')).toEqual({ mean: [null, 1, null] });
});

test('numbers that are none become null, and texts stay', () => {
  const value = { NaN: 'NaN, "Infinity" \\' };
  const written = JSON.stringify(value).replace('}', ', "b": [NaN, -Infinity,Infinity, -1]}');
  expect(JSON.parse(withoutPythonWords(written))).toEqual({ ...value, b: [null, null, null, -1] });
  expect(withoutPythonWords('["cut NaN')).toBe('["cut NaN');
  const long = `"${'\\n'.repeat(5e6)}"`;
  expect(withoutPythonWords(long)).toBe(long);
});
