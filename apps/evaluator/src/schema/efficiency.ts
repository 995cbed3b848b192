/** Schemas of an efficiency log's lines and of the figures that follow from it. */
import { z } from '@hono/zod-openapi';

/** A line of an efficiency log. */
export const Sample = z
  .strictObject({
    t: z.number().min(0).max(1e6).openapi({ description: 'Seconds since the run started.' }),
    gpuMemoryMb: z.number().min(0).max(1e8).openapi({ description: 'Used memory of the whole GPU, MB.' }),
    cpuPercent: z.number().min(0).max(100).openapi({ description: 'Use of all cores together, percent.' }),
  })
  .openapi('EfficiencySample');

/** The only line, or the last, of the log of a run that did not finish. */
export const StuckLine = z.strictObject({ stuck: z.literal(true) });

const Area = z.object({ byTime: z.number(), official: z.number() }).openapi('CurveArea', {
  description:
    'An area under a curve: byTime by the trapezoid rule over the samples’ own times, official as Σ value × 0.1 s.',
});

export const EfficiencyFigures = z
  .object({
    isStuck: z.boolean(),
    timeS: z.number(),
    peakGpuMemoryMb: z.number(),
    gpuAucMbS: Area,
    gpuAucAbove2GbMbS: Area,
    cpuAucPercentS: Area,
  })
  .openapi('Efficiency');

export const LogSource = z.enum(['claimed', 'measured']).openapi('LogSource', {
  description: 'claimed: sent by the submitter. measured: sent with an organiser’s key.',
});
