/** The model in the box: it predicts where none is named, shows its card, and adapts to scans without labels. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { diceByLabel } from '../../packages/core/src/metrics/overlap.ts';
import { readLabelsFile } from '../../packages/files/src/nifti.ts';
import { cli, cliHere, cliJson, cliJsonHere, lastLine } from '../cli.ts';

let folder: string;
let images: string;
const at = (...path: string[]) => join(folder, ...path);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  images = at('data', 'imagesUn');
  const counts = ['--labelled', '0', '--unlabelled', '1', '--test', '0'];
  await cliJsonHere(['phantom', '--out', at('data'), ...counts, '--spacing', '7', '--seed', '5']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('predict without --model finds the organs of a scan that it never saw', async () => {
  mkdirSync(at('abdomen')); // in the working directory, and no model
  const there = (args: readonly string[]) => cli(args, undefined, folder);
  await cliJson(['predict', '--input', images, '--out', at('labels')], there);
  const [was, is] = await Promise.all(
    [at('data', 'labelsUn'), at('labels')].map((path) => readLabelsFile(join(path, 'unlabelled_000.nii.gz'))),
  );
  const [, liver, rightKidney] = diceByLabel(was!.data, is!.data, 14);
  expect(liver).toBeGreaterThan(0.7);
  expect(rightKidney).toBeGreaterThan(0.5);
});

test('model --model abdomen describes it and shows its card', async () => {
  const { stdout } = await cliHere(['model', '--model', 'abdomen']);
  expect(stdout).toContain('342142 parameters');
  expect(stdout).toContain('# A model of the abdomen');
});

test('adapt learns from scans without labels, goes on where it was, and reports', async () => {
  const args = ['adapt', '--images', images, '--out', at('adapted'), '--steps', '2', '--phantoms', '2'];
  const { run } = await cliJsonHere<{ run: string }>(args);
  const log = readFileSync(join(run, 'training.jsonl'), 'utf8');
  expect(log).toContain('"event":"labelling"');
  for (const when of ['before', 'after'])
    expect(existsSync(at('adapted', when, 'unlabelled_000.nii.gz'))).toBe(true);
  const report = readFileSync(at('adapted', 'report.html'), 'utf8');
  expect(report).toContain('unlabelled_000');
  expect(report).toContain('right adrenal gland');
  await cliJsonHere(args);
  expect(readFileSync(join(run, 'training.jsonl'), 'utf8')).toBe(log);
  const other = await cliHere(args.with(args.indexOf('--steps') + 1, '50'));
  expect(lastLine(other)).toBe(`organseg: ${run}: takes 2 steps, not 50; name another --out`);
  const more = await cliHere(args.with(args.indexOf('--phantoms') + 1, '3'));
  expect(lastLine(more)).toBe(`organseg: ${run}: learns from 2 phantoms, not 3; name another --out`);
  const scans = at('scans');
  mkdirSync(scans);
  copyFileSync(join(images, 'unlabelled_000_0000.nii.gz'), join(scans, 'another_0000.nii.gz'));
  const elsewhere = await cliHere(args.with(args.indexOf('--images') + 1, scans));
  const added = join(scans, 'another_0000.nii.gz');
  expect(lastLine(elsewhere)).toBe(`organseg: ${run}: was begun without ${added}; name another --out`);
  expect(readdirSync(at('adapted', 'data', 'imagesTr'))).toHaveLength(2);
  await cliJsonHere(args); // what was refused has changed nothing
});

test('adapt refuses what is no run', async () => {
  const finished = await cliHere(['adapt', '--model', images, '--images', images, '--out', at('none')]);
  expect(finished.code).toBe(1);
  expect(lastLine(finished)).toContain('is no run of training');
  expect(existsSync(at('none'))).toBe(false);
});
