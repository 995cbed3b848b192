/** What long commands share: the GPU, opened once and closed, and a clean stop. */
import type { Gpu } from '@organseg/kernels/device.ts';
import { type OpenOptions, openGpu } from '@organseg/kernels/open/dawn.ts';
import { DEFAULT_CAP_BYTES } from '@organseg/train/predict/predictor.ts';
import { InvalidArgumentError, Option } from 'commander';
import { say } from '../terminal/command.ts';
import { TUNE_MODES, type TuneMode, tunedTiles } from '../tune/tiles.ts';

/** Exit code of a command that Ctrl-C or SIGTERM stopped. */
export const INTERRUPTED = 130;

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
  setTimeout(() => end.abort(), minutes * 60_000).unref();
  return end.signal;
}

export interface GpuOptions extends OpenOptions {
  readonly tune?: TuneMode | undefined;
}

export const tuneOption = () =>
  new Option(
    '--tune <mode>',
    'kernels of convolutions on a GPU: as they come, as measured before, or measured now where they were not',
  )
    .choices(TUNE_MODES)
    .default('cached');

/** The same with a GPU, opened for the work and closed after it. */
export const withGpu = (
  { tune = 'cached', ...options }: GpuOptions,
  work: (gpu: Gpu, signal: AbortSignal) => Promise<void>,
): Promise<boolean> =>
  interruptible(async (signal) => {
    const gpu = await openGpu({ tileChoice: tunedTiles(tune), ...options });
    try {
      await work(gpu, signal);
    } finally {
      gpu.close();
    }
  });

/** Parsers of option values; commander adds the option's name and exits with 2. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** Above 0, and 1 at most. */
export function share(text: string): number {
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError('Expected a number above 0, at most 1.');
  return value;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

export const memoryCapOption = () =>
  new Option('--memory-cap <MiB>', 'of GPU memory, all counted')
    .argParser(memoryCap)
    .default(DEFAULT_CAP_BYTES, '2048');

/** MiB on the command line, bytes inside. */
export const memoryCap = (text: string): number => positive(text) * 2 ** 20;
