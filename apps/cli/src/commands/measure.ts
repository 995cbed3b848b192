/** `organseg measure`: time, GPU memory and CPU use of any command. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { finished } from 'node:stream/promises';
import { InputError } from '@organseg/core/inputError.ts';
import { type Efficiency, efficiencyOf, STUCK } from '@organseg/core/metrics/efficiency.ts';
import { asideOf } from '@organseg/files/aside.ts';
import { assertNew } from '@organseg/files/outputs.ts';
import { InvalidArgumentError } from 'commander';
import { type Sampler, startSampler } from '../measure/sampler.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';

interface Options extends CommonOptions {
  log?: string;
  timeout: number;
}

/** Exit code of a command that took too long, as of timeout(1). */
const TIMED_OUT = 124;
/** Time that a command gets to end after it was told to. */
const GRACE_MS = 10_000;

export const measure = command('measure', 'Run a command and measure its time, GPU memory and CPU use')
  .usage('[options] -- COMMAND …')
  .argument('<command...>', 'what to run, a `docker run …` too')
  .option('--log <file>', 'write the samples as JSON lines, for the evaluator')
  .option('--timeout <seconds>', 'end the command after so long and report it as stuck', seconds, 3600)
  .passThroughOptions()
  .action(async ([program, ...args]: string[], options: Options) => {
    if (process.platform !== 'linux')
      throw new InputError('measure runs on Linux alone, by its process groups and its count of memory');
    if (options.log !== undefined) assertNew(options.log);
    const log = options.log === undefined ? undefined : await openLog(options.log);
    const sampler = startSampler((sample) => log?.write(sample));
    let outcome: Outcome;
    try {
      outcome = await run(program, args, options.timeout);
    } catch (error) {
      await log?.discard();
      throw error;
    } finally {
      sampler.stop();
    }
    if (outcome.isStuck) log?.write({ stuck: true });
    await log?.close();
    const figures = outcome.isStuck ? STUCK : efficiencyOf(sampler.samples);
    const peakHostRamMb = Math.round(sampler.peakHostRamMb());
    process.exitCode = outcome.code;
    if (!sampler.hasGpu()) say('no nvidia-smi answers here: GPU memory counts as 0');
    if (outcome.isStuck) say(`ended after ${options.timeout} s: it counts as stuck`);
    const result = { exitCode: outcome.code, ...figures, peakHostRamMb, samples: sampler.samples.length };
    print(options, result, asText(figures, peakHostRamMb, sampler));
  });

interface Outcome {
  readonly code: number;
  readonly isStuck: boolean;
}

/** Runs a command in a process group of its own, so that all it started can be ended. */
function run(program: string, args: string[], timeoutS: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', detached: true });
    let isStuck = false;
    let killing: NodeJS.Timeout | undefined;
    const stuck = setTimeout(() => {
      isStuck = true;
      signalGroup(child, 'SIGTERM');
      killing = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
    }, 1000 * timeoutS);
    const passOn = (signal: NodeJS.Signals) => signalGroup(child, signal);
    process.on('SIGINT', passOn).on('SIGTERM', passOn);
    const tidy = () => {
      clearTimeout(stuck);
      clearTimeout(killing);
      process.off('SIGINT', passOn).off('SIGTERM', passOn);
    };
    child.on('error', (error) => {
      tidy();
      reject(new InputError(`${program}: cannot be run: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      tidy();
      // Processes that it left running would go on using what is measured.
      if (isStuck) signalGroup(child, 'SIGKILL');
      const byShell = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
      resolve({ code: isStuck ? TIMED_OUT : byShell, isStuck });
    });
  });
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** A log of JSON lines that is written aside: under its name it is whole or not there. Throws InputError. */
async function openLog(path: string) {
  const aside = asideOf(path);
  const file = createWriteStream(aside, { flags: 'wx' });
  await new Promise((resolve, reject) => {
    file.once('open', resolve).once('error', () => reject(new InputError(`${path}: cannot be written`)));
  });
  return {
    write: (line: object) => file.write(`${JSON.stringify(line)}\n`),
    async close() {
      file.end();
      await finished(file);
      await rename(aside, path);
    },
    async discard() {
      file.destroy();
      await rm(aside, { force: true });
    },
  };
}

function asText(figures: Efficiency, peakHostRamMb: number, { samples }: Sampler): string {
  const { timeS, peakGpuMemoryMb, gpuAucMbS, gpuAucAbove2GbMbS, cpuAucPercentS } = figures;
  const whole = (value: number) => value.toFixed(0);
  const rows = [
    ['', 'by time', 'official (Σ × 0.1 s)'],
    ['time, s', timeS.toFixed(2), ''],
    ['peak GPU memory, MB', whole(peakGpuMemoryMb), ''],
    ['GPU AUC, MB·s', whole(gpuAucMbS.byTime), whole(gpuAucMbS.official)],
    ['GPU AUC above 2 GB, MB·s', whole(gpuAucAbove2GbMbS.byTime), whole(gpuAucAbove2GbMbS.official)],
    ['CPU AUC, %·s', whole(cpuAucPercentS.byTime), whole(cpuAucPercentS.official)],
    ['peak host RAM, MB', whole(peakHostRamMb), ''],
    ['samples', String(samples.length), ''],
  ];
  return rows
    .map(([name, byTime, official]) => `${name.padEnd(26)}${byTime.padStart(12)}  ${official}`.trimEnd())
    .join('\n');
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('Expected seconds, at most a day.');
  return value;
}
