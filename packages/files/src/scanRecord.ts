/** Records of scans: of their one file, or of the two of a .hdr/.img pair, by name. */
import { basename } from 'node:path';
import type { Scan } from '@organseg/core/volume/niftiRead.ts';
import { z } from 'zod';
import { assertAsBefore, fileRecord, isAsRecorded, recordOf } from './fileRecord.ts';
import { niftiFiles, readScanFile } from './nifti.ts';

export const scanRecord = z.record(z.string(), fileRecord);
export type ScanRecord = z.infer<typeof scanRecord>;

/** Throws InputError. */
export async function recordOfScan(path: string): Promise<ScanRecord> {
  const records: ScanRecord = {};
  for (const file of niftiFiles(path)) if (file) records[basename(file)] = await recordOf(file);
  return records;
}

export interface RecordedScan {
  readonly scan: Scan;
  /** The scan's files as they were when it was read. */
  readonly record: ScanRecord;
}

/** A scan and its record, which is made while it is read. Throws InputError, also where a file changes meanwhile. */
export async function readRecordedScan(path: string): Promise<RecordedScan> {
  const [scan, record] = await Promise.all([readScanFile(path), recordOfScan(path)]);
  for (const file of niftiFiles(path)) if (file) await assertAsBefore(file, record[basename(file)]!);
  return { scan, record };
}

/** Whether a scan is the one that was recorded. */
export async function isScanAsRecorded(path: string, records: ScanRecord): Promise<boolean> {
  for (const file of niftiFiles(path)) {
    if (!file) continue;
    const record = records[basename(file)];
    if (!record || !(await isAsRecorded(file, record))) return false;
  }
  return true;
}
