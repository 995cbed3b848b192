/** Values of pickles as those of JSON. */
import { InputError } from '@organseg/core/inputError.ts';
import type { PickleValue } from './pickle.ts';

const MAX_DEPTH = 30;
const MAX_VALUES = 1_000_000;

/**
 * A value as JSON has it: dicts become objects, tuples arrays, numbers that are none null. Throws InputError where it is
 * none, or too large.
 */
export function plainValue(value: PickleValue, path: string): unknown {
  let values = 0;
  const plainKey = (key: PickleValue): string => {
    if (typeof key !== 'string' && typeof key !== 'number')
      throw new InputError(`${path}: its settings have a key that is no text`);
    return String(key);
  };
  const plain = (value: PickleValue, depth: number): unknown => {
    if (depth > MAX_DEPTH || ++values > MAX_VALUES)
      throw new InputError(`${path}: its settings are too large`);
    if (Array.isArray(value)) return value.map((each) => plain(each, depth + 1));
    if (value instanceof Map) {
      const entries = [...value].map(([key, each]) => [plainKey(key), plain(each, depth + 1)]);
      return Object.fromEntries(entries);
    }
    if (typeof value === 'bigint') return Number(value);
    if (typeof value === 'object' && value !== null)
      throw new InputError(`${path}: its settings hold what is no plain value`);
    return typeof value === 'number' && !Number.isFinite(value) ? null : value;
  };
  return plain(value, 0);
}
