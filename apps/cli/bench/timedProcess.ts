/** Programs timed from their start to their end, and the GPU memory that they took meanwhile. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { InputError } from '@organseg/core/inputError.ts';
import { startSampler } from '../src/measure/sampler.ts';

export interface TimedProcess {
  readonly seconds: number;
  /** GPU memory over what is used when idle, as nvidia-smi sees it; null where it does not answer. */
  readonly smiPeakMb: number | null;
  readonly stdout: string;
}

/**
 * What a program prints. Throws InputError with the last line of its stderr if it fails; what it says there meanwhile is
 * shown where it begins with "measured".
 */
export async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, INIT_CWD: process.cwd() },
  });
  let [stdout, last] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith('measured ')) process.stderr.write(`${line}\n`);
    if (line.trim()) last = line;
  });
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      last = error.message;
      resolve(-1);
    });
    child.on('close', resolve);
  });
  if (code !== 0) throw new InputError(`${program}: ${last || `exit code ${code}`}`);
  return stdout;
}

/** Throws as `outputOf` does. */
export async function timedProcess(program: string, args: readonly string[]): Promise<TimedProcess> {
  const sampler = startSampler(() => {});
  const started = performance.now();
  try {
    const stdout = await outputOf(program, args);
    const seconds = (performance.now() - started) / 1000;
    const used = sampler.samples.map(({ gpuMemoryMb }) => gpuMemoryMb);
    return { seconds, smiPeakMb: sampler.hasGpu() ? Math.max(...used) - used[0]! : null, stdout };
  } finally {
    sampler.stop();
  }
}
