/** What a folder of predictions goes on with, and what it refuses; no scan is segmented here. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordOfScan } from '@organseg/files/scanRecord.ts';
import type { Origin } from '@organseg/train/predict/origin.ts';
import { expect, onTestFinished, test } from 'vitest';
import { type Extras, Predictions, reportsIn, type ScanReport } from './predictions.ts';

const origin: Origin = { models: ['/runs/one'], weights: ['01'], options: { step: 0.5 } };
const report = {
  seconds: 1,
  stages: {},
  spacingMm: [1, 1, 1],
  networkShape: [1, 1, 1],
  fallback: null,
  retries: [],
  plannedGpuBytes: 1,
  peakGpuBytes: 1,
  batch: 1,
  strips: 1,
  activations: 'f32',
  logits: 'f32',
  resample: 'logits',
  windows: { all: 1, air: 0, early: 0 },
  nonFiniteVoxels: 0,
  removedVoxels: {},
  filledVoxels: {},
} as unknown as ScanReport;

/** Scans a, b and c, and a folder for their label maps. */
function phantoms() {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [input, out] = [join(folder, 'in'), join(folder, 'out')];
  for (const path of [input, out]) mkdirSync(path);
  const scan = (name: string) => ({ name, path: join(input, `${name}_0000.nii.gz`) });
  for (const name of ['a', 'b', 'c']) writeFileSync(scan(name).path, `scan ${name}`);
  const open = (names: string, goesOn: boolean, now: Partial<Origin> = {}, extras: Extras = {}) =>
    Predictions.open({
      out,
      scans: [...names].map(scan),
      input,
      origin: { ...origin, ...now },
      extras,
      goesOn,
    });
  /** Writes a label map, and unless the process dies before, its report. */
  const make = async (predictions: Predictions, name: string, isReported = true) => {
    await predictions.begin();
    writeFileSync(join(out, `${name}.nii.gz`), '');
    const made = { ...report, case: name, scan: await recordOfScan(scan(name).path) };
    if (isReported) await predictions.add(made);
  };
  const left = async (...args: Parameters<typeof open>) => (await open(...args)).left.map(({ name }) => name);
  return { out, scan, open, make, left };
}

test('--continue does what is not done, what has changed since and what lacks a file that is asked for', async () => {
  const { out, scan, open, make, left } = phantoms();
  const first = await open('abc', false);
  await make(first, 'a');
  await make(first, 'b', false); // killed here
  expect(await left('abc', true)).toEqual(['b', 'c']);
  const second = await open('abc', true);
  for (const name of ['b', 'c']) await make(second, name);
  expect((await reportsIn(out)).map((each) => each.case)).toEqual(['a', 'b', 'c']);
  expect(await left('abc', true)).toEqual([]);
  utimesSync(scan('a').path, 1, 1);
  expect(await left('abc', true)).toEqual([]);
  writeFileSync(scan('a').path, 'scan A');
  expect(await left('abc', true)).toEqual(['a']);
  rmSync(join(out, 'c.nii.gz'));
  expect(await left('abc', true)).toEqual(['a', 'c']);
  expect(await left('abc', true, {}, { preview: true })).toEqual(['a', 'b', 'c']);
});

test('label maps of several models or options are never mixed', async () => {
  const { out, open, make, left } = phantoms();
  const first = await open('ab', false);
  for (const name of ['a', 'b']) await make(first, name);
  const refused = (names: string, goesOn: boolean, now: Partial<Origin>) =>
    open(names, goesOn, now).then(
      () => 'taken',
      ({ message }: Error) => message,
    );
  const other = { models: ['/runs/two'], weights: ['02'] };
  expect(await refused('ab', true, other)).toBe(`${out}: holds label maps of /runs/one, not of /runs/two`);
  expect(await refused('ab', true, { weights: ['02'] })).toBe(
    `${out}: holds label maps of /runs/one with other weights`,
  );
  expect(await refused('ab', true, { options: { step: 1 } })).toBe(
    `${out}: holds label maps made with step 0.5, not 1`,
  );
  expect(await left('ab', true, { models: ['/moved/one'] })).toEqual([]);

  // Without --continue all are made anew, or none.
  expect(await refused('bc', false, other)).toMatch(/a\.nii\.gz: is a label map of \/runs\/one, not of/);
  const again = await open('abc', false, other);
  await make(again, 'a');
  expect(await left('abc', true, other)).toEqual(['b', 'c']);
  expect(await refused('a', true, other)).toMatch(/b\.nii\.gz: is a label map of an earlier command/);
  expect(await refused('ab', true, {})).toBe(`${out}: holds label maps of /runs/two, not of /runs/one`);
});

test('more scans may be segmented into a folder in the same way; a file of the user’s is left alone', async () => {
  const { out, open, make } = phantoms();
  await make(await open('a', false), 'a');
  const second = await open('b', false);
  await make(second, 'b');
  expect((await reportsIn(out)).map((each) => each.case)).toEqual(['a', 'b']);
  writeFileSync(join(out, 'b.png'), 'mine');
  await expect(open('b', false, {}, { preview: true })).rejects.toThrow(/b\.png: is there already/);
  writeFileSync(join(out, 'report.json'), '{"cases":[]}');
  await expect(open('c', false)).rejects.toThrow('report.json: does not say what it was made from');
});
