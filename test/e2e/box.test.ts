/** The model in the box: it predicts where none is named, shows its card, and adapts to scans without labels. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { diceByLabel } from '../../packages/core/src/metrics/overlap.ts';
import { scaleAndShift } from '../../packages/core/src/volume/affine.ts';
import { readLabelsFile, writeNiftiFile } from '../../packages/files/src/nifti.ts';
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

test('a scan of something else is said to show no organs for certain', async () => {
  const shape = [60, 60, 40] as const;
  const data = Int16Array.from({ length: 60 * 60 * 40 }, (_, i) => {
    const [x, y] = [(i % 60) - 30, (Math.floor(i / 60) % 60) - 30];
    const fromFinger = Math.hypot(((x + 32) % 8) - 4, y);
    return Math.abs(x) > 14 || fromFinger > 3.5 ? -1000 : fromFinger < 1.5 ? 700 : 40;
  });
  const affine = scaleAndShift([3, 3, 3], [0, 0, 0]);
  await writeNiftiFile(at('hand.nii.gz'), { shape, affine, data });
  const { stderr } = await cliHere(['predict', '--input', at('hand.nii.gz'), '--out', at('hand')]);
  expect(stderr).toMatch(/^hand: .*found for certain of liver, .*: does the scan show them\?$/m);
});

test('calibrate keeps with a run how far it is to be trusted, and predict tells', async () => {
  const run = at('run');
  cpSync('models/abdomen', run, { recursive: true });
  rmSync(join(run, 'calibration.json'));
  const truth = ['--images', images, '--labels', at('data', 'labelsUn')];
  const { organs } = await cliJsonHere<{ organs: Record<string, { mostMl: number }> }>([
    ...['calibrate', '--model', run],
    ...truth,
  ]);
  expect(organs.liver!.mostMl).toBeGreaterThan(500);
  await cliJsonHere(['predict', '--model', run, '--input', images, '--out', at('told'), '--statistics']);
  const found = JSON.parse(readFileSync(at('told', 'unlabelled_000_statistics.json'), 'utf8'));
  expect(found.liver.probability).toBeGreaterThan(0.5);
  expect(found.liver.expectedDsc).toBeGreaterThan(0.5);
  writeFileSync(join(run, 'calibration.json'), '{"mine": true}');
  const refused = await cliHere(['calibrate', '--model', run, ...truth]);
  expect(refused.code).toBe(1);
  expect(readFileSync(join(run, 'calibration.json'), 'utf8')).toBe('{"mine": true}');
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

test('adapt writes nothing where label maps of another lie in its folder', async () => {
  const mine = at('mine', 'before', 'unlabelled_000.nii.gz');
  mkdirSync(join(mine, '..'), { recursive: true });
  writeFileSync(mine, 'drawn by hand');
  const refused = await cliHere(['adapt', '--images', images, '--out', at('mine'), '--steps', '2']);
  expect(lastLine(refused)).toContain(mine);
  expect(readFileSync(mine, 'utf8')).toBe('drawn by hand');
  expect(existsSync(at('mine', 'data'))).toBe(false);
});
