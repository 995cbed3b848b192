/** Records of scans: of each channel's file, the two of a .hdr/.img pair or its folder of DICOM slices, by name. */
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { channelFiles, readChannels } from './channels.ts';
import { fileRecord } from './fileFacts.ts';
import { assertAsBefore, isAsRecorded, recordOf } from './fileRecord.ts';
import { niftiFiles } from './nifti.ts';
import type { FileScan } from './scanFile.ts';

export const scanRecord = z.record(z.string(), fileRecord);
export type ScanRecord = z.infer<typeof scanRecord>;

/** The record of a scan by the files of its channels. Throws InputError. */
export async function recordOfScan(...channels: readonly string[]): Promise<ScanRecord> {
  const records: ScanRecord = {};
  for (const file of channels.flatMap(niftiFiles)) if (file) records[basename(file)] = await recordOf(file);
  return records;
}

export interface RecordedScan {
  /** One volume for each channel, all on one grid. */
  readonly channels: readonly [FileScan, ...FileScan[]];
  /** The scan's files as they were when it was read. */
  readonly record: ScanRecord;
}

/**
 * A scan, by the file of its first channel, and its record, which is made while it is read; of a folder with several DICOM
 * series the one asked for. Throws InputError, also where a file changes meanwhile.
 */
export async function readRecordedScan(
  path: string,
  channelNames: readonly string[],
  series?: string,
): Promise<RecordedScan> {
  const files = channelFiles(path, channelNames);
  const [channels, record] = await Promise.all([
    readChannels(files, channelNames, series),
    recordOfScan(...files),
  ]);
  for (const file of files.flatMap(niftiFiles)) if (file) await assertAsBefore(file, record[basename(file)]!);
  return { channels, record };
}

/** Whether a scan, by the file of its first channel, is the one that was recorded. */
export async function isScanAsRecorded(path: string, records: ScanRecord): Promise<boolean> {
  if (!niftiFiles(path).every((file) => !file || basename(file) in records)) return false;
  for (const [name, record] of Object.entries(records))
    if (!(await isAsRecorded(join(dirname(path), name), record))) return false;
  return true;
}
