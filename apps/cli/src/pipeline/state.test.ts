/** What the folders of pipelines go on with, and what they refuse; nothing is trained here. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { organsOf } from '@organseg/core/organs.ts';
import { firstDifference } from '@organseg/files/differences.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { expect, onTestFinished, test } from 'vitest';
import { tinyConfig } from '../../../../packages/train/test/fixture.ts';
import { openState } from './state.ts';
import { evaluateOrRead } from './tasks.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a pipeline begins in a folder of its own, and goes on with the same data and settings alone', async () => {
  const folder = temporaryFolder();
  const [out, data] = [join(folder, 'out'), join(folder, 'data')];
  for (const path of [out, join(data, 'imagesUn')]) mkdirSync(path, { recursive: true });
  const request = { data, out, preset: 'small', config: tinyConfig() };
  const report = join(out, 'report.html');
  writeFileSync(report, 'mine');
  await expect(openState(request)).rejects.toThrow(`${report}: is there already`);
  expect(readFileSync(report, 'utf8')).toBe('mine');
  rmSync(report);
  await openState(request);
  writeFileSync(report, 'its own');
  await openState(request);
  await expect(openState({ ...request, config: tinyConfig({ batch: 3 }) })).rejects.toThrow(
    `${out}: was made with config.batch 2, not 3; choose another folder for --out`,
  );
  await expect(openState({ ...request, out: join(data, 'imagesUn', 'new') })).rejects.toThrow('is read from');
});

test('scores are made anew where a reference has changed', async () => {
  const folder = temporaryFolder();
  const write = async (name: string, label: number) => {
    const affine = Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    const data = new Uint8Array(27).fill(label, 0, 14);
    const path = join(folder, `${name}.nii.gz`);
    await writeNiftiFile(path, { shape: [3, 3, 3] as never, affine, data });
    return path;
  };
  const pair = {
    case: 'a',
    reference: await write('reference', 1),
    prediction: await write('prediction', 1),
  };
  const score = () =>
    evaluateOrRead([pair], organsOf(['background', 'lump']), join(folder, 'scores.json'), false);
  expect((await score()).mean.dsc).toBe(1);
  writeFileSync(pair.prediction, 'read once');
  expect((await score()).mean.dsc).toBe(1);
  await write('prediction', 1);
  await write('reference', 0);
  expect((await score()).mean.dsc).toBeLessThan(1);
});

test('the first setting that differs is named', () => {
  expect(firstDifference({ a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1 })).toBeUndefined();
  expect(firstDifference({ a: 1, b: { c: [1] } }, { a: 1, b: { c: [2] } })).toBe('b.c [1], not [2]');
  expect(firstDifference({}, { a: 'x' })).toBe('a none, not "x"');
});
