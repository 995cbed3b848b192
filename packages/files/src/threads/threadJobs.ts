/** Jobs that threads of one program do side by side, each thread one at a time. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parentPort, type Worker } from 'node:worker_threads';
import { InputError } from '@organseg/core/inputError.ts';
import { startThread } from './thread.ts';

type Reply<Result> =
  | { readonly result: Result }
  /** A thread's errors arrive as plain ones: whether one blames the input goes beside. */
  | { readonly fault: Error; readonly isInputError: boolean };

/** What a thread says once it takes jobs, and what it is told when there are no more. */
const [READY, END] = ['ready', 'end'];
/** Each thread holds a whole case: some hundred MB. */
const MOST_THREADS = 8;

/**
 * Has threads do the jobs, and hands on each result as it comes. Threads are started one after another, so that each is
 * alone while it opens what its program needs, such as a GPU. Throws the fault of the first job that failed, as
 * InputError where it blames the input, once the jobs at work are done, and the signal's reason once it is aborted.
 */
export async function inThreads<Job, Result>(
  program: URL,
  jobs: readonly Job[],
  onResult: (job: Job, result: Result) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const faults: unknown[] = [];
  let next = 0;
  const isOver = () => next === jobs.length || faults.length > 0 || signal?.aborted;
  const serve = async (thread: Worker, ended: Promise<void>) => {
    try {
      while (!isOver()) {
        const job = jobs[next++]!;
        await onResult(job, await Promise.race([ask<Job, Result>(thread, job), endOf(ended)]));
      }
    } catch (error) {
      faults.push(error);
    }
    thread.postMessage(END);
    await ended;
  };
  const threads = Math.min(MOST_THREADS, availableParallelism(), jobs.length);
  const serving: Promise<void>[] = [];
  while (serving.length < threads && !isOver()) {
    const thread = startThread(program);
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    try {
      await once(thread, 'message'); // rejects with what the program throws at its start
      serving.push(serve(thread, ended));
    } catch (error) {
      faults.push(error);
    }
  }
  await Promise.all(serving);
  if (faults.length) throw faults[0];
  if (next < jobs.length) signal?.throwIfAborted();
}

const ask = <Job, Result>(thread: Worker, job: Job): Promise<Result> =>
  new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('message', (reply: Reply<Result>) => {
      thread.off('error', reject);
      if ('result' in reply) resolve(reply.result);
      else reject(reply.isInputError ? new InputError(reply.fault.message) : reply.fault);
    });
    thread.postMessage(job);
  });

async function endOf(ended: Promise<void>): Promise<never> {
  await ended;
  throw new Error('a thread has ended in the middle of its work');
}

/** Makes this thread one that does jobs for `inThreads`, and at their end lets go of what it opened. */
export function doJobs<Job, Result>(work: (job: Job) => Promise<Result>, close = () => {}): void {
  const port = parentPort!;
  port.on('message', async (job: Job | typeof END) => {
    if (job === END) {
      close();
      port.close();
      return;
    }
    let reply: Reply<Result>;
    try {
      reply = { result: await work(job as Job) };
    } catch (error) {
      reply = { fault: error as Error, isInputError: error instanceof InputError };
    }
    port.postMessage(reply);
  });
  port.postMessage(READY);
}
