/**
 * A folder of predictions: CASE.nii.gz each, what was asked for besides, and `report.json`, which says what they were
 * made from and how. A folder has one origin: label maps of several models or options are never mixed in it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { ADVICE, assertNothingLost } from '@organseg/files/outputs.ts';
import { check } from '@organseg/files/parseJson.ts';
import { isScanAsRecorded, scanRecord } from '@organseg/files/scanRecord.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { caseReport } from '@organseg/train/predict/caseReport.ts';
import { differenceOf, type Origin, origin } from '@organseg/train/predict/origin.ts';
import { z } from 'zod';
import { say } from '../terminal/command.ts';

export interface ScanFile {
  readonly name: string;
  /** The file of its first channel, or a folder of DICOM slices. */
  readonly path: string;
  /** Of several DICOM series in the folder the one that is meant. */
  readonly series?: string | undefined;
}

const voxelsByLabel = z.record(z.string(), z.int().nonnegative());
const scanReport = caseReport.extend({
  case: z.string(),
  scan: scanRecord,
  removedVoxels: voxelsByLabel,
  filledVoxels: voxelsByLabel,
});
export type ScanReport = z.infer<typeof scanReport>;

const REPORT = 'report.json';
const reportFile = origin.extend({
  /** Names of the files that the command wrote into the folder, or is about to write. */
  files: z.array(z.string()),
  cases: z.array(scanReport),
});
type Report = z.infer<typeof reportFile>;

/** The files that are written besides CASE.nii.gz and report.json. */
export interface Extras {
  readonly statistics?: boolean | undefined;
  readonly preview?: boolean | undefined;
  readonly dicomSeg?: boolean | undefined;
  readonly probabilities?: boolean | undefined;
  readonly profile?: boolean | undefined;
}

export interface PredictionsRequest {
  readonly out: string;
  readonly scans: readonly ScanFile[];
  /** The folder that the scans were listed from, if any. */
  readonly input?: string;
  readonly origin: Origin;
  readonly extras?: Extras;
  /** Whether the cases that the folder holds already are left out. */
  readonly goesOn: boolean;
}

/** The reports of the cases that a folder holds. Throws InputError where its report cannot be read. */
export const reportsIn = async (out: string): Promise<readonly ScanReport[]> => (await readReport(out)).cases;

const readReport = async (out: string): Promise<Report> => {
  const path = join(out, REPORT);
  const found = await readJsonFile(path, z.looseObject({ weights: z.unknown().optional() }));
  if (!found.weights) throw new InputError(`${path}: does not say what it was made from; ${ADVICE}`);
  return check(found, reportFile, path);
};

export class Predictions {
  readonly out: string;
  readonly scans: readonly ScanFile[];
  readonly extras: Extras;
  /** The scans that are to be segmented. */
  readonly left: readonly ScanFile[];
  #report: Report;
  #isBegun = false;

  /** The folder as it is; nothing is written yet. Throws InputError where the predictions cannot be written into it. */
  static async open({
    out,
    scans,
    input,
    origin,
    extras = {},
    goesOn,
  }: PredictionsRequest): Promise<Predictions> {
    const before = existsSync(join(out, REPORT)) ? await readReport(out) : undefined;
    const planned = [REPORT, ...scans.flatMap(({ name }) => filesOf(name, extras))];
    if (extras.profile) planned.push(PROFILE);
    await assertNothingLost({
      folder: out,
      files: planned,
      own: before ? [REPORT, ...before.files] : [],
      inputs: [...(input === undefined ? [] : [input]), ...scans.map(({ path }) => path), ...origin.models],
    });
    const difference = before && differenceOf(before, origin);
    if (difference && goesOn && before.cases.length)
      throw new InputError(`${out}: holds label maps ${difference}`);
    const kept =
      !before || difference ? [] : before.cases.filter((report) => existsSync(mapOf(out, report.case)));
    const names = new Set(
      [...scans, ...kept.map((report) => ({ name: report.case }))].map(({ name }) => name),
    );
    const stray = before?.files.find(
      (file) => MAP.test(file) && !names.has(file.replace(MAP, '')) && existsSync(join(out, file)),
    );
    if (stray) {
      const how = difference ?? 'of an earlier command';
      throw new InputError(`${join(out, stray)}: is a label map ${how}; ${ADVICE}`);
    }
    const done = goesOn ? await wholeAmong(kept, scans, out, extras) : new Set<string>();
    const left = scans.filter(({ name }) => !done.has(name));
    const again = new Set(left.map(({ name }) => name));
    return new Predictions(out, scans, extras, left, {
      ...origin,
      files: [...new Set([...planned, ...(before?.files ?? [])])].sort(),
      cases: kept.filter((report) => !again.has(report.case)),
    });
  }

  private constructor(
    out: string,
    scans: readonly ScanFile[],
    extras: Extras,
    left: readonly ScanFile[],
    report: Report,
  ) {
    this.out = out;
    this.scans = scans;
    this.extras = extras;
    this.left = left;
    this.#report = report;
  }

  get reports(): readonly ScanReport[] {
    return this.#report.cases;
  }

  /** Writes the report, before the first of the files that it names. */
  async begin(): Promise<void> {
    if (!this.#isBegun) await this.#write();
    this.#isBegun = true;
  }

  /** Adds a case whose files are written. */
  async add(report: ScanReport): Promise<void> {
    this.#report = { ...this.#report, cases: [...this.#report.cases, report] };
    await this.#write();
  }

  async #write(): Promise<void> {
    await writeWhole(join(this.out, REPORT), `${JSON.stringify(this.#report, null, 2)}\n`);
  }
}

export const PROFILE = 'profile.json';
const MAP = /\.nii\.gz$/;
const mapOf = (out: string, name: string) => join(out, `${name}.nii.gz`);

function filesOf(name: string, { statistics, preview, dicomSeg, probabilities }: Extras): string[] {
  return [
    `${name}.nii.gz`,
    ...(statistics ? [`${name}_statistics.json`] : []),
    ...(preview ? [`${name}.png`] : []),
    ...(dicomSeg ? [`${name}.dcm`] : []),
    ...(probabilities ? [`${name}_probabilities.nii`] : []),
  ];
}

/** The names of the cases that have all files that are asked for, and whose scans have not changed since. */
async function wholeAmong(
  reports: readonly ScanReport[],
  scans: readonly ScanFile[],
  out: string,
  extras: Extras,
): Promise<Set<string>> {
  const paths = new Map(scans.map(({ name, path }) => [name, path]));
  const whole = new Set<string>();
  for (const { case: name, scan } of reports) {
    const path = paths.get(name);
    if (path === undefined || !filesOf(name, extras).every((file) => existsSync(join(out, file)))) continue;
    if (await isScanAsRecorded(path, scan)) whole.add(name);
    else say(`${name}: its scan has changed, it is segmented again`);
  }
  return whole;
}
