/** Threads that read cases for a fingerprint. */
import { extname } from 'node:path';
import { inThreads } from '@organseg/files/threads/threadJobs.ts';
import type { KeptRecord, PlannedCase } from './caseRecord.ts';

export interface RecordJob {
  readonly source: PlannedCase;
  readonly channelNames: readonly string[];
}

// The worker lies beside this file, as .ts, or in a bundle beside its one file, as .mjs.
const WORKER = new URL(`./recordWorker${extname(import.meta.url)}`, import.meta.url);

/**
 * Reads the cases in threads and hands on each record as it comes. Throws InputError where a case is broken, and the
 * signal's reason once it is aborted.
 */
export const recordCases = (
  cases: readonly PlannedCase[],
  channelNames: readonly string[],
  onRecord: (source: PlannedCase, record: KeptRecord) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> =>
  inThreads<RecordJob, KeptRecord>(
    WORKER,
    cases.map((source) => ({ source, channelNames })),
    ({ source }, record) => onRecord(source, record),
    signal,
  );
