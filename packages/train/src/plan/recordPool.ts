/** Threads that read cases for a fingerprint, each one case at a time. */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { InputError } from '@organseg/core/inputError.ts';
import { startThread } from '../data/thread.ts';
import type { KeptRecord, PlannedCase } from './caseRecord.ts';

export interface RecordRequest {
  readonly source: PlannedCase;
  readonly channelNames: readonly string[];
}

export type RecordReply =
  | { readonly record: KeptRecord }
  /** A thread's errors arrive as plain ones: whether one blames the input goes beside. */
  | { readonly fault: Error; readonly isInputError: boolean };

// The worker lies beside this file, as .ts, or in a bundle beside its one file, as .mjs.
const WORKER = new URL(`./recordWorker${extname(import.meta.url)}`, import.meta.url);
/** Each thread holds a whole case: some hundred MB. */
const MOST_THREADS = 8;

/**
 * Reads the cases in threads and hands on each record as it comes. Throws InputError where a case is broken, and the
 * signal's reason once it is aborted.
 */
export async function recordCases(
  cases: readonly PlannedCase[],
  channelNames: readonly string[],
  onRecord: (source: PlannedCase, record: KeptRecord) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const waiting = cases.values();
  const faults: unknown[] = [];
  const serve = async () => {
    const thread = startThread(WORKER);
    try {
      for (const source of waiting) {
        signal?.throwIfAborted();
        await onRecord(source, await ask(thread, { source, channelNames }));
        if (faults.length) return;
      }
    } catch (error) {
      faults.push(error);
    } finally {
      await thread.terminate();
    }
  };
  const threads = Math.min(MOST_THREADS, availableParallelism(), cases.length);
  await Promise.all(Array.from({ length: threads }, serve));
  if (faults.length) throw faults[0];
}

const ask = (thread: Worker, request: RecordRequest): Promise<KeptRecord> =>
  new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('message', (reply: RecordReply) => {
      thread.off('error', reject);
      if ('record' in reply) resolve(reply.record);
      else reject(reply.isInputError ? new InputError(reply.fault.message) : reply.fault);
    });
    thread.postMessage(request);
  });
