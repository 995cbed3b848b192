/** A program from its start to its end, and the GPU memory that it took meanwhile. */
import { spawn } from 'node:child_process';
import { InputError } from '@organseg/core/inputError.ts';
import { startSampler } from '../src/measure/sampler.ts';

export interface TimedProcess {
  readonly seconds: number;
  /** Over idle, as nvidia-smi sees it; null where it does not answer. */
  readonly smiPeakMb: number | null;
  readonly stdout: string;
}

/** Throws InputError with the last line of its stderr if it fails. */
export async function timedProcess(program: string, args: readonly string[]): Promise<TimedProcess> {
  const sampler = startSampler(() => {});
  const started = performance.now();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, INIT_CWD: process.cwd() },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      stderr = error.message;
      resolve(-1);
    });
    child.on('close', resolve);
  });
  const seconds = (performance.now() - started) / 1000;
  sampler.stop();
  if (code !== 0) throw new InputError(`${program}: ${stderr.trimEnd().split('\n').at(-1)}`);
  const used = sampler.samples.map(({ gpuMemoryMb }) => gpuMemoryMb);
  return { seconds, smiPeakMb: sampler.hasGpu() ? Math.max(...used) - used[0]! : null, stdout };
}
