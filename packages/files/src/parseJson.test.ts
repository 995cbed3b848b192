/** JSON that would take more than there is. */
import { InputError } from '@organseg/core/inputError.ts';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseJson } from './parseJson.ts';

test('what is nested too deeply is refused by its file', () => {
  const deep = '['.repeat(1e6) + ']'.repeat(1e6);
  expect(() => parseJson(deep, z.json(), 'plans.json')).toThrow(
    new InputError('plans.json: is nested too deeply'),
  );
});
