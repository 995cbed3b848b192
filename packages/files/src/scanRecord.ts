/** Records of scans: of their one file, or of the two of a .hdr/.img pair, by name. */
import { basename } from 'node:path';
import { z } from 'zod';
import { fileRecord, isAsRecorded, recordOf } from './fileRecord.ts';
import { niftiFiles } from './nifti.ts';

export const scanRecord = z.record(z.string(), fileRecord);
export type ScanRecord = z.infer<typeof scanRecord>;

/** Throws InputError. */
export async function recordOfScan(path: string): Promise<ScanRecord> {
  const records: ScanRecord = {};
  for (const file of niftiFiles(path)) if (file) records[basename(file)] = await recordOf(file);
  return records;
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
