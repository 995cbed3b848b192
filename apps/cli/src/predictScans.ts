/** Segmenting scans from files to files. */
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { caseReport } from '@organseg/train/caseReport.ts';
import { readJsonFile, writeNiftiFile, writeWhole } from '@organseg/train/files.ts';
import type { Predictor } from '@organseg/train/predictor.ts';
import { z } from 'zod';
import { say } from './command.ts';
import { progress } from './progress.ts';

export interface ScanFile {
  readonly name: string;
  readonly path: string;
}

const scanReport = caseReport.extend({ case: z.string() });
export type ScanReport = z.infer<typeof scanReport>;

const REPORT = 'report.json';
const reportFile = z.object({ cases: z.array(scanReport) });

/**
 * Writes CASE.nii.gz for each scan that is not among those done `before`, and the report of all after each.
 * A scan that cannot be segmented stops no other.
 */
export async function predictScans(
  predictor: Predictor,
  scans: readonly ScanFile[],
  out: string,
  { before = [], signal }: { before?: readonly ScanReport[]; signal: AbortSignal },
): Promise<{ reports: ScanReport[]; failed: string[] }> {
  await mkdir(out, { recursive: true });
  const reports = [...before];
  const left = scans.filter(({ name }) => !before.some((report) => report.case === name));
  const bar = progress('predicting', left.length, 'cases');
  const failed: string[] = [];
  for (const [i, { name, path }] of left.entries()) {
    signal.throwIfAborted();
    const made = await predictor.predictFile(path, (share) => bar.update(i + share, name));
    if ('fault' in made) {
      if (scans.length === 1) throw new InputError(made.fault);
      failed.push(name);
      say(made.fault);
    } else {
      const { labels, report, space } = made;
      await writeNiftiFile(join(out, `${name}.nii.gz`), labels, space);
      reports.push({ case: name, ...report });
      if (report.fallback)
        say(`${name}: segmented at ${report.spacingMm.join(' × ')} mm: ${report.fallback}`);
      if (report.nonFiniteVoxels)
        say(`${name}: ${report.nonFiniteVoxels} voxels were not finite, taken as air`);
      await writeWhole(join(out, REPORT), `${JSON.stringify({ cases: reports }, null, 2)}\n`);
    }
    bar.update(i + 1, name);
  }
  bar.finish();
  return { reports, failed };
}

/** The reports of the cases that a folder holds already. */
export async function doneBefore(out: string): Promise<ScanReport[]> {
  if (!existsSync(join(out, REPORT))) return [];
  const { cases } = await readJsonFile(join(out, REPORT), reportFile);
  return cases.filter((report) => existsSync(join(out, `${report.case}.nii.gz`)));
}

/** NIfTI files by case name: without the channel's _0000 and the ending. */
export async function scansIn(input: string): Promise<ScanFile[]> {
  if (!existsSync(input)) throw new InputError(`${input}: no such file or directory`);
  const isFolder = statSync(input).isDirectory();
  const files = isFolder ? (await readdir(input)).sort().map((file) => join(input, file)) : [input];
  const ending = /(_0000)?\.(nii(\.gz)?|hdr(\.gz)?)$/i;
  const scans = files
    .filter((path) => !isFolder || (ending.test(path) && !basename(path).startsWith('.')))
    .map((path) => ({ name: basename(path).replace(ending, ''), path }));
  const twin = scans.find(({ name }, i) => scans.findIndex((other) => other.name === name) < i);
  if (twin) throw new InputError(`${input}: two scans of one case, ${twin.name}`);
  if (!scans.length) throw new InputError(`${input}: holds no NIfTI file`);
  return scans;
}
