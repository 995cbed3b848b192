/** Threads that read cases for a fingerprint. */

import { programBeside } from '@organseg/files/threads/programBeside.ts';
import { inThreads } from '@organseg/files/threads/threadJobs.ts';
import type { KeptRecord, PlannedCase } from './caseRecord.ts';

export interface RecordJob {
  readonly source: PlannedCase;
  readonly channelNames: readonly string[];
}

const WORKER = programBeside(import.meta.url, 'recordWorker');

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
