/** What was chosen to be done to a model's label maps, as it is kept in the model's folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CHOICE, PostprocessingTrial, readChoice, saveChoice } from './postprocessing.ts';

const labelNames = ['background', 'liver'];

function modelFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a choice says where label maps come of other folds than those that it was made by', async () => {
  const folder = modelFolder();
  const [first, second] = [0, 1].map((fold) => join(folder, `fold_${fold}`, 'checkpoint_final.pth'));
  const trial = new PostprocessingTrial(labelNames);
  // A liver of two parts, of which the reference has the larger one.
  const predicted = {
    shape: [4, 1, 1],
    affine: new Float64Array(16),
    data: Uint8Array.of(1, 1, 0, 1),
  } as const;
  trial.add('case', { ...predicted }, Uint8Array.of(1, 1, 0, 0));
  await saveChoice(folder, trial.choice(folder, [first!]));
  const chosen = { largestComponent: [1], fillHoles: [] };
  expect(await readChoice(folder, { labelNames, weights: [first!] })).toEqual({ ...chosen, notes: [] });
  expect(await readChoice(folder, { labelNames, weights: [first!, second!] })).toEqual({
    ...chosen,
    notes: [
      `${join(folder, CHOICE)}: was chosen by label maps of fold_0/checkpoint_final.pth, not of fold_0/checkpoint_final.pth, fold_1/checkpoint_final.pth`,
    ],
  });
});

test.each([
  ['{', 'is not JSON at line 1, column 2'],
  ['[]', 'expected an object {…}, got a list […]'],
  ['{"cases": []}', 'largestComponent: is missing, expected a list […]'],
  ['{"postprocessing_fns": []}', "is nnU-Net's own; move it away, and postprocess --choose writes ours"],
  [
    '{"cases": [], "largestComponent": ["heart"], "fillHoles": [], "dsc": {}}',
    'heart: is no organ of this model: liver',
  ],
])('a kept choice %s is refused by its file', async (text, fault) => {
  const folder = modelFolder();
  const path = join(folder, CHOICE);
  writeFileSync(path, text);
  await expect(readChoice(folder, { labelNames, weights: [] })).rejects.toThrow(`${path}: ${fault}`);
});
