/** Work on masks in a bounded pool of threads, so that requests are answered meanwhile. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { CheckJob, Compute, ScoreJob } from '../compute/compute.ts';
import { Problem } from '../http/problem.ts';
import type { Outcome } from './thread.ts';

/** A pool that reads masks from a folder of blobs, and what ends its threads. */
export function threadPool(
  folder: string,
  threads: number,
): { compute: Compute; close: () => Promise<void> } {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./thread.ts', import.meta.url)),
    workerData: { folder },
    minThreads: 1,
    maxThreads: threads,
  });
  const run = async <T>(job: CheckJob | ScoreJob, name: 'check' | 'score'): Promise<T> => {
    const outcome: Outcome<T> = await pool.run(job, { name });
    if ('value' in outcome) return outcome.value;
    throw new Problem(outcome.status, outcome.detail);
  };
  return {
    compute: { check: (job) => run(job, 'check'), score: (job) => run(job, 'score') },
    close: () => pool.close(),
  };
}
