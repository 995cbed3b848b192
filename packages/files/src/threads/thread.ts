/** Threads that run a program of ours. */
import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';

/** A new thread with the program of a file. */
export function startThread(program: URL): Worker {
  // A thread does not know of its own that the program keeps code without its types from run to run.
  const cache = getCompileCacheDir();
  return new Worker(program, {
    env: { ...process.env, ...(cache && { NODE_COMPILE_CACHE: cache }) },
    trackUnmanagedFds: false, // or Node warns of the files that opening a GPU duplicates
  });
}
