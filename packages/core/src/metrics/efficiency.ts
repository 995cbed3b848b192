/** FLARE22's efficiency figures: time, GPU memory and CPU use around one case's whole run. */

/** One sample, `t` seconds after the run started. */
export interface EfficiencySample {
  readonly t: number;
  /** The used memory of the whole device. */
  readonly gpuMemoryMb: number;
  /** The use of all cores together, 0 to 100. */
  readonly cpuPercent: number;
}

/** The area under a curve: by the trapezoid rule over the samples' own times, and as the official Σ value × 0.1 s. */
export interface CurveArea {
  readonly byTime: number;
  readonly official: number;
}

/** The figures of one case's run. */
export interface Efficiency {
  /** The run did not finish. */
  readonly isStuck: boolean;
  readonly timeS: number;
  readonly peakGpuMemoryMb: number;
  /** The area of all memory used, MB·s. */
  readonly gpuAucMbS: CurveArea;
  /** The area of the memory above the challenge's 2 GB, MB·s: what is ranked. */
  readonly gpuAucAbove2GbMbS: CurveArea;
  /** The area of the CPU's use, percent·s. */
  readonly cpuAucPercentS: CurveArea;
}

/** The official interval between samples. */
export const SAMPLE_INTERVAL_S = 0.1;
/** The memory that the challenge does not count. */
const TOLERATED_MB = 2048;

const same = (value: number): CurveArea => ({ byTime: value, official: value });

/** The figures of a case that did not finish: an hour of 8 GB above the tolerated 2 GB, with all cores at work. */
export const STUCK: Efficiency = {
  isStuck: true,
  timeS: 3600,
  peakGpuMemoryMb: 10240,
  gpuAucMbS: same(29_491_200),
  gpuAucAbove2GbMbS: same(29_491_200),
  cpuAucPercentS: same(360_000),
};

/** The figures of a run from its samples, in order of time. Throws where there are none. */
export function efficiencyOf(samples: readonly EfficiencySample[]): Efficiency {
  if (samples.length === 0) throw new Error('efficiencyOf: no samples');
  const area = (value: (sample: EfficiencySample) => number): CurveArea => {
    let byTime = 0;
    let sum = 0;
    for (const [i, sample] of samples.entries()) {
      sum += value(sample);
      if (i > 0) byTime += ((value(sample) + value(samples[i - 1])) / 2) * (sample.t - samples[i - 1].t);
    }
    return { byTime, official: sum * SAMPLE_INTERVAL_S };
  };
  return {
    isStuck: false,
    timeS: samples[samples.length - 1].t - samples[0].t,
    peakGpuMemoryMb: samples.reduce((peak, { gpuMemoryMb }) => Math.max(peak, gpuMemoryMb), 0),
    gpuAucMbS: area(({ gpuMemoryMb }) => gpuMemoryMb),
    gpuAucAbove2GbMbS: area(({ gpuMemoryMb }) => Math.max(0, gpuMemoryMb - TOLERATED_MB)),
    cpuAucPercentS: area(({ cpuPercent }) => cpuPercent),
  };
}
