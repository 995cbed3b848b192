/** The diagnosis of this machine: whether the kernels run, and on what. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { programBeside } from '@organseg/files/threads/programBeside.ts';
import { type Host, inspectHost } from './host.ts';
import type { Probe } from './probe.ts';

export interface Diagnosis extends Probe {
  /** Whether the kernels run here and give the right numbers. */
  readonly works: boolean;
  readonly problem?: string;
  /** Whether the probe ended badly before it could tell what it found: its code, not a missing driver, is at fault. */
  readonly failed?: boolean;
  /** What Dawn and the drivers wrote on stderr. */
  readonly driverMessages: readonly string[];
  readonly host: Host;
}

const PROBE = fileURLToPath(programBeside(import.meta.url, 'probe'));
/** A software adapter compiles its first kernels in seconds; a driver that hangs answers never. */
const TIMEOUT_MS = 120_000;
/** The probe's numbers are whole: a right kernel makes no error at all in f32, and none beyond rounding in f16. */
const TOLERANCE = { f32: 1e-5, f16: 5e-3 };

/** Tries the GPU in a process of its own. */
export async function diagnose(): Promise<Diagnosis> {
  const host = inspectHost();
  const run = await new Promise<{ error: Error | null; stdout: string; stderr: string }>((resolve) => {
    const options = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
    execFile(process.execPath, [PROBE], options, (error, stdout, stderr) =>
      resolve({ error, stdout, stderr }),
    );
  });
  const lines = [...new Set(run.stderr.split('\n').map((line) => line.trim()))];
  // Dawn says at every start that it offers fewer dynamic buffers than the driver does.
  const driverMessages = lines.filter(
    (line) => line.startsWith('Warning:') && !/artificially reduced/.test(line),
  );
  if (run.error) {
    const { killed, signal, code } = run.error as { killed?: boolean; signal?: string; code?: number };
    const crash = signal ?? faultOf(code);
    const problem = killed
      ? `the driver gave no answer within ${TIMEOUT_MS / 1000} s`
      : crash
        ? `the driver crashed (${crash})`
        : (lines.find((line) => /^\w*Error\b/.test(line)) ?? `the probe exited with ${code}`);
    return { works: false, problem, failed: !crash, adapters: [], driverMessages, host };
  }
  const probe = JSON.parse(run.stdout) as Probe;
  const problem = problemOf(probe);
  return { works: !problem, ...(problem && { problem }), ...probe, driverMessages, host };
}

/** The fault that ended a process of Windows, whose exit code is its number; undefined where it ended by itself. */
const faultOf = (code = 0): string | undefined =>
  code >= 0xc000_0000 ? `0x${code.toString(16).toUpperCase()}` : undefined;

function problemOf({ kernels }: Probe): string | undefined {
  if (!kernels) return 'Dawn finds no WebGPU adapter';
  for (const dtype of ['f32', 'f16'] as const) {
    const error = kernels.errors[dtype];
    // JSON makes null of NaN.
    if (error !== undefined && !(typeof error === 'number' && error <= TOLERANCE[dtype])) {
      return `the adapter computes wrong numbers: a convolution in ${dtype} is off by ${error ?? 'NaN'}`;
    }
  }
  return undefined;
}
