/** Segmenting scans from files to files: the next is read and the one before written while the GPU works. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { efficiencyOf } from '@organseg/core/metrics/efficiency.ts';
import type { NiftiVolume } from '@organseg/core/volume/niftiRead.ts';
import { plural } from '@organseg/core/words.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { readNiftiFile } from '@organseg/files/nifti.ts';
import { namesIn, statOf } from '@organseg/files/read.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { isMemoryFault } from '@organseg/train/predict/attempts.ts';
import { caseReport } from '@organseg/train/predict/caseReport.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import type { CasePrediction, Predictor } from '@organseg/train/predict/predictor.ts';
import { ProbabilityFile } from '@organseg/train/predict/probabilityFile.ts';
import { z } from 'zod';
import { startSampler } from '../measure/sampler.ts';
import { say } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';
import { type CaseFiles, type CaseProfile, writeCase } from './caseFiles.ts';

export interface ScanFile {
  readonly name: string;
  readonly path: string;
}

const voxelsByLabel = z.record(z.string(), z.int().nonnegative());
const scanReport = caseReport.extend({
  case: z.string(),
  removedVoxels: voxelsByLabel,
  filledVoxels: voxelsByLabel,
});
export type ScanReport = z.infer<typeof scanReport>;

const REPORT = 'report.json';
const PROFILE = 'profile.json';
const reportFile = z.object({ cases: z.array(scanReport) });

/**
 * A scan larger than this is alone in memory: the host then holds it and its labels, and otherwise the scan at work,
 * the next one, and the labels of both and of the one before; either way at most twice the case and 500 MB.
 */
const READ_AHEAD_BYTES = 200 * 2 ** 20;

export interface PredictScansOptions {
  readonly before?: readonly ScanReport[];
  readonly files?: Partial<Omit<CaseFiles, 'labelNames'>>;
  /** Writes CASE_probabilities.nii too; the predictor must resample logits. */
  readonly probabilities?: boolean;
  /** Measures each case alone, one after another, and writes profile.json. */
  readonly profile?: boolean;
  readonly signal: AbortSignal;
}

interface Made {
  readonly name: string;
  readonly scan: NiftiVolume;
  readonly prediction: CasePrediction;
}

/**
 * Writes CASE.nii.gz for each scan that is not among those done `before`, and the report of all after each.
 * A scan that cannot be segmented stops no other.
 */
export async function predictScans(
  predictor: Predictor,
  scans: readonly ScanFile[],
  out: string,
  { before = [], files = {}, probabilities = false, profile = false, signal }: PredictScansOptions,
): Promise<{ reports: ScanReport[]; failed: string[] }> {
  await makeFolder(out);
  const reports = [...before];
  const profiles: CaseProfile[] = [];
  const failed: string[] = [];
  const left = scans.filter(({ name }) => !before.some((report) => report.case === name));
  const bar = progress('predicting', left.length, 'cases');
  const caseFiles: CaseFiles = {
    postprocessing: NO_POSTPROCESSING,
    statistics: false,
    preview: false,
    ...files,
    labelNames: predictor.run.labelNames,
  };

  const write = async ({ name, scan, prediction }: Made) => {
    const { labels, report } = prediction;
    const changes = await writeCase(out, name, scan, labels, caseFiles);
    reports.push({ case: name, ...report, ...changes });
    const { fallback, nonFiniteVoxels, spacingMm } = report;
    if (fallback) say(`${name}: segmented at ${spacingMm.join(' × ')} mm: ${fallback}`);
    if (nonFiniteVoxels) say(`${name}: ${plural(nonFiniteVoxels, 'voxel')} not finite, taken as air`);
    await writeWhole(join(out, REPORT), `${JSON.stringify({ cases: reports }, null, 2)}\n`);
  };
  const fail = (name: string, fault: string) => {
    if (scans.length === 1) throw new InputError(fault);
    failed.push(name);
    say(fault);
  };

  let ahead: Promise<Read> | undefined;
  let writing: Promise<void> = Promise.resolve();
  for (const [i, file] of left.entries()) {
    signal.throwIfAborted();
    const sampler = profile ? startSampler(() => {}) : undefined;
    const cpuBefore = process.cpuUsage();
    try {
      const read = await (ahead ?? readScan(file));
      ahead = undefined;
      if ('fault' in read) {
        fail(file.name, read.fault);
        continue;
      }
      const next = left[i + 1];
      if (next && !profile && read.scan.data.byteLength <= READ_AHEAD_BYTES) {
        ahead = readScan(next);
        ahead.catch(() => {}); // heard of where it is awaited
      }
      const shares = probabilities ? join(out, `${file.name}_probabilities.nii`) : undefined;
      const prediction = await predictOne(predictor, file, read.scan, shares, (share) =>
        bar.update(i + share, file.name),
      );
      if ('fault' in prediction) {
        fail(file.name, prediction.fault);
        continue;
      }
      await writing;
      writing = write({ name: file.name, scan: read.scan, prediction });
      writing.catch(() => {}); // heard of where it is awaited
      if (sampler || read.scan.data.byteLength > READ_AHEAD_BYTES) await writing;
      if (sampler) {
        sampler.stop();
        const { stages } = prediction.report;
        const { user, system } = process.cpuUsage(cpuBefore);
        const facts = {
          case: file.name,
          hasGpuSamples: sampler.hasGpu(),
          stages,
          cpuSeconds: (user + system) / 1e6,
          peakHostBytes: 1024 * process.resourceUsage().maxRSS,
        };
        profiles.push({ ...facts, ...efficiencyOf(sampler.samples) });
        await writeWhole(join(out, PROFILE), `${JSON.stringify({ cases: profiles }, null, 2)}\n`);
      }
    } finally {
      sampler?.stop();
      bar.update(i + 1, file.name);
    }
  }
  await writing;
  bar.finish();
  return { reports, failed };
}

type Read = { readonly scan: NiftiVolume } | { readonly fault: string };

/** Why a scan cannot be read is returned: it may be read before it is asked for. */
async function readScan({ path }: ScanFile): Promise<Read> {
  try {
    return { scan: await readNiftiFile(path) };
  } catch (error) {
    if (error instanceof InputError) return { fault: error.message };
    throw error;
  }
}

async function predictOne(
  predictor: Predictor,
  { name, path }: ScanFile,
  scan: NiftiVolume,
  probabilities: string | undefined,
  onShare: (share: number) => void,
): Promise<CasePrediction | { readonly fault: string }> {
  let shares: ProbabilityFile | undefined;
  try {
    const prediction = await predictor.predict(scan, {
      onShare,
      probabilities:
        probabilities === undefined
          ? undefined
          : (geometry) => {
              shares?.discard(); // an attempt before
              const { classes } = predictor.run.config;
              const file = new ProbabilityFile(probabilities, geometry, classes, scan.header.space);
              shares = file;
              return (plane) => file.take(plane);
            },
      onPlan: ({ peakBytes, batch, strips, logits }) =>
        say(
          `${name}: ${scan.shape.join('×')} voxels, ${Math.ceil(peakBytes / 2 ** 20)} MiB of GPU memory at most ` +
            `(${batch} ${batch > 1 ? 'windows' : 'window'} at once, logits in ${logits}` +
            `${strips > 1 ? `, ${strips} strips` : ''})`,
        ),
    });
    shares?.finish();
    return prediction;
  } catch (error) {
    shares?.discard();
    if (isMemoryFault(error)) return { fault: `${path}: ${error.message}` };
    throw error;
  }
}

/** The reports of the cases that a folder holds already. */
export async function doneBefore(out: string): Promise<ScanReport[]> {
  if (!existsSync(join(out, REPORT))) return [];
  const { cases } = await readJsonFile(join(out, REPORT), reportFile);
  return cases.filter((report) => existsSync(join(out, `${report.case}.nii.gz`)));
}

/** NIfTI files by case name: without the channel's _0000 and the ending. */
export async function scansIn(input: string): Promise<ScanFile[]> {
  const isFolder = (await statOf(input)).isDirectory();
  const files = isFolder ? (await namesIn(input)).map((file) => join(input, file)) : [input];
  const ending = /(_0000)?\.(nii(\.gz)?|hdr(\.gz)?)$/i;
  const scans = files
    .filter((path) => !isFolder || (ending.test(path) && !basename(path).startsWith('.')))
    .map((path) => ({ name: basename(path).replace(ending, ''), path }));
  const twin = scans.find(({ name }, i) => scans.findIndex((other) => other.name === name) < i);
  if (twin) throw new InputError(`${input}: two scans of one case, ${twin.name}`);
  if (!scans.length) throw new InputError(`${input}: holds no NIfTI file`);
  return scans;
}
