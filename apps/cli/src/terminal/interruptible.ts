/** How a long command stops cleanly: by Ctrl-C, SIGTERM, or because its time is over. */
import { say } from './command.ts';

/** Exit code of a command that Ctrl-C or SIGTERM stopped. */
const INTERRUPTED = 130;

/**
 * Runs work that Ctrl-C stops. The first one aborts the signal: the work ends after its step, what is written stays
 * valid, and the exit code is 130. The second one ends the process at once. Returns whether nothing stopped it.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(INTERRUPTED);
    say('stopping after the step at work; once more to stop at once');
    stop.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt);
  try {
    await work(stop.signal);
  } catch (error) {
    if (error !== stop.signal.reason) throw error;
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, interrupt);
    if (stop.signal.aborted) process.exitCode = INTERRUPTED;
  }
  return !stop.signal.aborted;
}

/** Exit code of a command that stopped because its time was over, as of timeout(1). */
export const OUT_OF_TIME = 124;

/**
 * A signal that aborts with the given one, or after so many minutes. AbortSignal.any would not do: in Node 24, what
 * nothing listens to is lost to the garbage collector, and the signal never aborts.
 */
export function orAfter(minutes: number, stop: AbortSignal): AbortSignal {
  const end = new AbortController();
  const follow = () => end.abort(stop.reason);
  if (stop.aborted) follow();
  else stop.addEventListener('abort', follow, { once: true });
  later(minutes * 60_000, () => end.abort());
  return end.signal;
}

/** The longest that a timer of Node waits; it fires at once where it is to wait longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls back after any time, but keeps no process alive for it. */
function later(ms: number, callback: () => void): void {
  const rest = ms - LONGEST_TIMER_MS;
  if (rest <= 0) setTimeout(callback, ms).unref();
  else setTimeout(() => later(rest, callback), LONGEST_TIMER_MS).unref();
}
