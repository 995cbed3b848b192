/** What is kept of an efficiency log for its chart. */
import type { EfficiencySample } from '@organseg/core/metrics/efficiency.ts';

/** As many points as a chart of a page's width can show. */
const MAX_POINTS = 150;

/** A run thinned out for a chart: of each stretch of time its GPU peak and its mean CPU use. */
export function efficiencyCurve(samples: readonly EfficiencySample[]): EfficiencySample[] {
  if (samples.length <= MAX_POINTS) return [...samples];
  const step = samples.length / MAX_POINTS;
  return Array.from({ length: MAX_POINTS }, (_, i) => {
    const stretch = samples.slice(Math.floor(i * step), Math.floor((i + 1) * step));
    return {
      t: stretch[0].t,
      gpuMemoryMb: Math.max(...stretch.map(({ gpuMemoryMb }) => gpuMemoryMb)),
      cpuPercent: stretch.reduce((sum, { cpuPercent }) => sum + cpuPercent, 0) / stretch.length,
    };
  });
}
