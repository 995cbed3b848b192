/** Commands, their output and their exit codes: as a user runs them, in processes of their own, or in the test's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { run } from '../apps/cli/src/program.ts';

const MAIN = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a command in the working directory; `watch` sees its stderr as it comes, and the process. */
export function cli(
  args: readonly string[],
  watch?: (stderr: string, child: ChildProcess) => void,
  cwd = process.cwd(),
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const { INIT_CWD: _, ...env } = process.env;
    const child = spawn(process.execPath, [MAIN, ...args], { env, cwd });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      watch?.(stderr, child);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/**
 * Runs a command in the test's own process, which saves a second of loading: where its arguments and its results are
 * what matters. One at a time.
 */
export async function cliHere(args: readonly string[]): Promise<Finished> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      written[name] += chunk;
      return true;
    }),
  );
  const { exitCode } = process;
  process.exitCode = undefined;
  try {
    return { code: await run(args), ...written };
  } finally {
    process.exitCode = exitCode;
    for (const spy of spies) spy.mockRestore();
  }
}

/** Runs a command that must succeed and returns its JSON. */
export async function cliJson<T = Record<string, unknown>>(
  args: readonly string[],
  start: (args: readonly string[]) => Promise<Finished> = cli,
): Promise<T> {
  const { code, stdout, stderr } = await start([...args, '--json']);
  if (code !== 0) throw new Error(`${args.join(' ')} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The same in the test's own process. */
export const cliJsonHere = <T = Record<string, unknown>>(args: readonly string[]) =>
  cliJson<T>(args, cliHere);

/** What a command that failed said: its last line. */
export const lastLine = ({ stderr }: Finished): string => stderr.trimEnd().split('\n').at(-1) ?? '';

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file of the shared reference material, or undefined where that is not beside the repository. */
export function shared(path: string): string | undefined {
  const file = fileURLToPath(new URL(`../../shared/${path}`, import.meta.url));
  return existsSync(file) ? file : undefined;
}
