/** A sampler of the machine as FLARE22's: the GPU's used memory, CPU use over all cores, and the host's used RAM. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import { type EfficiencySample, SAMPLE_INTERVAL_S } from '@organseg/core/metrics/efficiency.ts';

const INTERVAL_MS = 1000 * SAMPLE_INTERVAL_S;

export interface Sampler {
  readonly samples: EfficiencySample[];
  /** Peak of the host's used RAM, in MB. */
  peakHostRamMb(): number;
  /** Whether nvidia-smi answers; where it does not, GPU memory is 0. */
  hasGpu(): boolean;
  /** Takes a last sample and stops. */
  stop(): void;
}

/** Starts sampling; `onSample` gets each sample as it is taken. */
export function startSampler(onSample: (sample: EfficiencySample) => void): Sampler {
  const gpu = gpuMemory();
  const cpu = cpuUse();
  const samples: EfficiencySample[] = [];
  const start = performance.now();
  let peakHostRamMb = 0;

  const take = () => {
    const t = samples.length === 0 ? 0 : Math.round(performance.now() - start) / 1000;
    if (samples.length > 0 && t <= samples[samples.length - 1].t) return;
    const sample = { t, gpuMemoryMb: gpu.usedMb(), cpuPercent: cpu() };
    peakHostRamMb = Math.max(peakHostRamMb, usedRamMb());
    samples.push(sample);
    onSample(sample);
  };
  take();
  const timer = setInterval(take, INTERVAL_MS);
  return {
    samples,
    peakHostRamMb: () => peakHostRamMb,
    hasGpu: gpu.isThere,
    stop() {
      clearInterval(timer);
      take();
      gpu.stop();
    },
  };
}

/**
 * Used memory of the first GPU, in MB, by one nvidia-smi that reports every interval: starting one for each sample
 * would load the CPU that is measured.
 */
function gpuMemory() {
  const smi = spawn(
    'nvidia-smi',
    ['--id=0', '--query-gpu=memory.used', '--format=csv,noheader,nounits', `--loop-ms=${INTERVAL_MS}`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let usedMb: number | undefined;
  smi.on('error', () => {});
  createInterface(smi.stdout).on('line', (line) => {
    const value = Number(line);
    if (Number.isFinite(value)) usedMb = value;
  });
  return { usedMb: () => usedMb ?? 0, isThere: () => usedMb !== undefined, stop: () => smi.kill() };
}

/** CPU use since the last call, in percent of all cores together. */
function cpuUse(): () => number {
  const times = () => {
    let [idle, total] = [0, 0];
    for (const core of cpus()) {
      idle += core.times.idle;
      total += Object.values(core.times).reduce((sum, ms) => sum + ms, 0);
    }
    return { idle, total };
  };
  let before = times();
  return () => {
    const now = times();
    const spent = now.total - before.total;
    const percent = spent > 0 ? 100 * (1 - (now.idle - before.idle) / spent) : 0;
    before = now;
    return Math.round(10 * Math.min(100, Math.max(0, percent))) / 10;
  };
}

/** Used RAM of the host in MB, without what the system only caches. */
function usedRamMb(): number {
  try {
    const available = /MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (available) return totalmem() / 1e6 - (Number(available) * 1024) / 1e6;
  } catch {
    // Not Linux.
  }
  return (totalmem() - freemem()) / 1e6;
}
