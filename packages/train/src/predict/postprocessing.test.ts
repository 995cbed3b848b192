/** What was chosen to be done to a model's label maps, as it is kept with the model. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ModelWeights } from './model.ts';
import { PostprocessingTrial, readChoice, saveChoice } from './postprocessing.ts';

const CHOICE = 'postprocessing.json';
const labelNames = ['background', 'liver'];

function modelFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Weights of a model at a path, which tell nothing but their names and what they hold. */
const weightsOf = (model: string, held: Readonly<Record<string, string>>): ModelWeights[] =>
  Object.entries(held).map(([name, sha256]) => ({
    path: `${model}/${name}`,
    sha256: async () => sha256,
    open: () => Promise.reject(new Error('is not opened')),
  }));

/** A choice by one case, whose liver has two parts, of which the reference has the larger one. */
async function choose(model: string, weights: readonly ModelWeights[]): Promise<void> {
  const trial = new PostprocessingTrial(labelNames);
  const data = Uint8Array.of(1, 1, 0, 1);
  trial.add('case', { shape: [4, 1, 1], affine: new Float64Array(16), data }, Uint8Array.of(1, 1, 0, 0));
  await saveChoice(model, await trial.choice(model, weights));
}

const FIRST = 'fold_0/checkpoint_final.pth';
const SECOND = 'fold_1/checkpoint_final.pth';

test.each([
  ['the weights are those that it was made by', { [FIRST]: 'a' }, undefined],
  ['they have another name', { 'fold_all/checkpoint_final.pth': 'a' }, undefined],
  ['there is another fold', { [FIRST]: 'a', [SECOND]: 'b' }, `${FIRST}, not of ${FIRST}, ${SECOND}`],
  ['others have taken their name', { [FIRST]: 'b' }, `what ${FIRST} held before`],
])('a choice says what it was made by unless that is what there is: %s', async (_, held, fault) => {
  const model = modelFolder();
  await choose(model, weightsOf(model, { [FIRST]: 'a' }));
  expect(await readChoice(model, { labelNames, weights: weightsOf(model, held) })).toEqual({
    largestComponent: [1],
    fillHoles: [],
    notes: fault ? [`${join(model, CHOICE)}: was chosen by label maps of ${fault}`] : [],
  });
});

test('a choice for a model in a zip is kept beside it', async () => {
  const folder = modelFolder();
  const zip = join(folder, 'spleen.zip');
  writeFileSync(zip, '');
  const weights = weightsOf(zip, { [FIRST]: 'a' });
  await choose(zip, weights);
  expect(readdirSync(folder)).toEqual(['spleen.postprocessing.json', 'spleen.zip']);
  expect(await readChoice(zip, { labelNames, weights })).toMatchObject({ largestComponent: [1], notes: [] });
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
