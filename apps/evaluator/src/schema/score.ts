/** Schemas of the scoring of one pair of label maps. */
import { z } from '@hono/zod-openapi';
import type { OtherMetrics } from '@organseg/core/metrics/organMeasures.ts';
import { Rules } from './challenge.ts';

/** hd95 is the Hausdorff distance at the 95th percentile; any other from 0 to 100 will do. */
const METRIC = /^(dsc|nsd|hd(\d{1,2}(\.\d+)?|100)|asd|overlap|volumes)$/;

const Metrics = z
  .string()
  .describe(
    'Comma-separated: dsc and nsd are always there; hd95 (or another percentile), asd, overlap, volumes.',
  )
  .transform((text) => text.split(',').map((name) => name.trim()))
  .pipe(z.array(z.string().regex(METRIC, 'expected dsc, nsd, hdP, asd, overlap or volumes')))
  .refine((names) => names.filter((name) => name.startsWith('hd')).length < 2, 'expected one percentile');

/** The fields of the form besides its two files. */
export const ScoreFields = z.strictObject({
  rules: Rules.default('flare22'),
  metrics: Metrics.default(['dsc', 'nsd']),
});

export function otherMetrics(metrics: readonly string[]): OtherMetrics {
  const hausdorff = metrics.find((name) => name.startsWith('hd'));
  return {
    ...(hausdorff && { hausdorffPercentile: Number(hausdorff.slice(2)) }),
    averageDistance: metrics.includes('asd'),
    surfaceOverlap: metrics.includes('overlap'),
    volumes: metrics.includes('volumes'),
  };
}

/** JSON has no Infinity and no NaN: a distance to or from an absent surface is null. */
const Figure = z.number().nullable();
const BothWays = z
  .object({ referenceToPrediction: Figure, predictionToReference: Figure })
  .openapi('BothWays');

const OrganScores = z
  .object({
    dsc: z.number(),
    nsd: z.number(),
    hausdorffMm: Figure.optional(),
    averageDistanceMm: BothWays.optional(),
    surfaceOverlap: BothWays.optional(),
    volumesMl: z.object({ reference: z.number(), prediction: z.number() }).optional(),
  })
  .openapi('OrganScores');

export const ScoreResult = z
  .object({
    rules: Rules,
    organs: z.record(z.string(), OrganScores),
    mean: z.object({ dsc: z.number(), nsd: z.number() }),
  })
  .openapi('ScoreResult');
