/** What `evaluate` tells of label maps in a folder. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { niftiFile } from '@organseg/core/volume/niftiFixture.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Evaluation } from '../evaluate/evaluateCases.ts';
import { evaluate } from './evaluate.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'organseg-evaluate-'));
  await mkdir(join(folder, 'reference'));
  await mkdir(join(folder, 'prediction'));
});
afterEach(() => rm(folder, { recursive: true }));

const SHAPE: Xyz = [6, 5, 4];
const LIVER = 1;

/** A map whose first `count` voxels are liver. */
async function writeLabels(name: string, count: number, label = LIVER, spacing: Xyz = [1, 1, 1]) {
  const data = new Uint8Array(6 * 5 * 4).fill(label, 0, count);
  await writeNiftiFile(join(folder, name), { shape: SHAPE, affine: scaleAndShift(spacing, [0, 0, 0]), data });
}

async function run(...options: string[]): Promise<{ stdout: string; stderr: string }> {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await evaluate.parseAsync(options, { from: 'user' });
    return { stdout: stdout.mock.calls.join(''), stderr: stderr.mock.calls.join('') };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

const runPaths = (prediction: string, reference: string, ...options: string[]) =>
  run('--prediction', join(folder, prediction), '--reference', join(folder, reference), ...options);

it('scores a folder: missing cases count 0, predictions without a reference do not count', async () => {
  await writeLabels('reference/a.nii.gz', 60);
  await writeLabels('prediction/a.nii.gz', 60);
  await writeLabels('reference/b.nii.gz', 60);
  await writeLabels('prediction/c.nii.gz', 60);
  await writeFile(join(folder, 'reference/._a.nii.gz'), 'left by a copy');
  await writeFile(join(folder, 'reference/dataset.json'), '{}');
  const { stdout, stderr } = await runPaths('prediction', 'reference', '--json');
  const report: Evaluation = JSON.parse(stdout);
  expect(Object.keys(report)).toEqual(['rules', 'cases', 'mean', 'missing']);
  expect(report.rules).toBe('flare22');
  expect(report.cases.map((scored) => scored.case)).toEqual(['a', 'b']);
  expect(report.cases[0].mean).toEqual({ dsc: 1, nsd: 1 });
  expect(Object.keys(report.cases[1].organs)).toHaveLength(13);
  expect(report.cases[1].organs.Spleen).toEqual({ dsc: 0, nsd: 0 });
  expect(report.mean).toEqual({ dsc: 0.5, nsd: 0.5 });
  expect(report.missing).toEqual(['b']);
  expect(stderr).toMatch(/\nc: not scored.*\nb: scored 0.*\n$/);
});

it('scores two files and rounds to four decimals for people alone', async () => {
  await writeLabels('reference.nii.gz', 60);
  await writeLabels('prediction.nii.gz', 30);
  const text = (await runPaths('prediction.nii.gz', 'reference.nii.gz')).stdout;
  expect(text).toMatch(/^Liver +0\.6667 {2}\d\.\d{4}$/m);
  expect(text).toMatch(/^Spleen +1\.0000 {2}1\.0000$/m);
  expect(text).toMatch(/^reference +0\.9744 {2}\d\.\d{4}$/m);
  const { stdout } = await runPaths('prediction.nii.gz', 'reference.nii.gz', '--json');
  expect(JSON.parse(stdout).cases[0].organs.Liver.dsc).toBe(2 / 3);
});

it('scores the labels of the data set that the reference lies in, or of the one named', async () => {
  const names = { background: 0, Tumour: 1, left_kidney: 2 };
  await writeFile(join(folder, 'dataset.json'), JSON.stringify({ labels: names }));
  await writeFile(
    join(folder, 'first.json'),
    JSON.stringify({ labels: { 0: 'background', 1: 'liver' }, modality: { 0: 'MR', 1: 'CT' } }),
  );
  await writeLabels('reference/a.nii.gz', 60);
  await writeLabels('prediction/a.nii.gz', 30);
  const organs = async (...options: string[]) => {
    const { stdout } = await runPaths('prediction', 'reference', '--json', ...options);
    return JSON.parse(stdout).cases[0].organs;
  };
  expect(await organs()).toMatchObject({ Tumour: { dsc: 2 / 3 }, left_kidney: { dsc: 1 } });
  expect(Object.keys(await organs('--labels', join(folder, 'first.json')))).toEqual(['liver']);
  const { stdout, stderr } = await runPaths('prediction', 'reference');
  expect(stdout).toMatch(/^Tumour +0\.6667 /m);
  expect(stderr).toMatch(/dataset\.json, with NSD's tolerances: Tumour 3 mm, left_kidney 3 mm\n/);
  await writeFile(join(folder, 'dataset.json'), '{"labels":{"background":0,"liver":2}}');
  await expect(organs()).rejects.toThrow(/dataset\.json: labels expects ids 0, 1, 2/);
});

it('knows both sets of rules', async () => {
  await writeLabels('reference.nii.gz', 120);
  await writeLabels('prediction.nii.gz', 10);
  const nsd = async (rules: string) => {
    const { stdout } = await runPaths('prediction.nii.gz', 'reference.nii.gz', '--json', '--rules', rules);
    return JSON.parse(stdout).cases[0].organs.Liver.nsd;
  };
  expect(await nsd('flare22')).toBe(0);
  expect(await nsd('plain')).toBeGreaterThan(0);
});

it('converts the header’s unit, and refuses sizes that cannot be', async () => {
  const values = new Uint8Array(120).fill(LIVER, 0, 60);
  const file = (units: number, length: number) => {
    const sform = [length, 0, 0, 0, 0, length, 0, 0, 0, 0, length, 0];
    const pixdim = [1, length, length, length];
    return gzipSync(niftiFile({ datatype: 2, shape: [...SHAPE], values, units, sform, pixdim }));
  };
  await writeLabels('prediction.nii.gz', 50);
  await writeFile(join(folder, 'mm.nii.gz'), file(2, 1));
  await writeFile(join(folder, 'micron.nii.gz'), file(3, 1000));
  await writeFile(join(folder, 'wrong.nii.gz'), file(2, 1000));
  const scores = async (reference: string) => {
    const { stdout } = await runPaths('prediction.nii.gz', reference, '--json');
    return JSON.parse(stdout).cases[0].organs;
  };
  expect(await scores('micron.nii.gz')).toEqual(await scores('mm.nii.gz'));
  await expect(scores('wrong.nii.gz')).rejects.toThrow(
    /wrong\.nii\.gz: voxels of 1000 × 1000 × 1000 mm, expected 0\.05 to 50 mm; the header says mm$/,
  );
});

it('refuses what cannot be compared, and names the files', async () => {
  await writeLabels('reference.nii.gz', 60);
  await writeLabels('coarse.nii.gz', 60, LIVER, [1, 1, 2]);
  await writeLabels('other.nii.gz', 60, 14);
  await expect(runPaths('coarse.nii.gz', 'reference.nii.gz')).rejects.toThrow(
    /coarse\.nii\.gz has another affine than its reference .*\/reference\.nii\.gz/,
  );
  await expect(runPaths('other.nii.gz', 'reference.nii.gz')).rejects.toThrow(
    /other\.nii\.gz: voxel \(0, 0, 0\) is 14; labels are whole numbers from 0 to 13$/,
  );
  await expect(runPaths('prediction', 'reference.nii.gz')).rejects.toThrow(
    /expected two folders or two files/,
  );
  await expect(runPaths('prediction', 'reference')).rejects.toThrow(/reference: holds no \.nii\.gz file$/);
  await expect(runPaths('nowhere', 'reference')).rejects.toThrow(/nowhere: no such file or directory$/);
  await writeLabels('reference/a.nii.gz', 1);
  await writeFile(join(folder, 'reference/a.nii'), '');
  await expect(runPaths('prediction', 'reference')).rejects.toThrow(/two files of one case$/);
});
