/** Which weights of several models are meant. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { choicesOf } from './modelOptions.ts';

let folder: string;
let nnunet: string;
let run: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  [nnunet, run] = [join(folder, 'nnunet'), join(folder, 'run')];
  mkdirSync(join(nnunet, 'fold_0'), { recursive: true });
  mkdirSync(run);
  for (const file of ['plans.json', 'dataset.json']) writeFileSync(join(nnunet, file), '{}');
  writeFileSync(join(run, 'config.json'), '{}');
});

afterAll(() => rmSync(folder, { recursive: true }));

test('folds are of nnU-Net’s models, beside which others may stand', async () => {
  expect(await choicesOf({ folds: [['0']] }, [run, nnunet, nnunet])).toEqual([
    {},
    { folds: ['0'] },
    { folds: ['0'] },
  ]);
  expect(await choicesOf({ folds: [['0'], ['1']] }, [nnunet, run, nnunet])).toEqual([
    { folds: ['0'] },
    {},
    { folds: ['1'] },
  ]);
  await expect(choicesOf({ folds: [['0'], ['1']] }, [run, nnunet])).rejects.toThrow(
    '--folds is given 2 times for 1 model of nnU-Net; expected once, or once for each',
  );
  // Where no model has folds, the first of them is refused when it is opened.
  expect(await choicesOf({ folds: [['0']] }, [run])).toEqual([{ folds: ['0'] }]);
});
