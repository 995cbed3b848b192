/**
 * The calibration of a model: the DSC that an organ may be expected to have, by how sure the network is of it, as
 * learnt from scans whose truth is known. It lies beside the weights that it is of.
 */
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { listed } from '@organseg/core/words.ts';
import { z } from 'zod';

/** The file's name in a model's folder. */
export const CALIBRATION = 'calibration.json';

/** The DSC that an organ to be trusted reaches, though it be off by as much as is usual. */
const LEAST_DSC = 0.4;

const organ = z.strictObject({
  /** The expected DSC is intercept + slope × mean largest probability, between 0 and 1. */
  intercept: z.number(),
  slope: z.number().nonnegative(),
  /** The root mean square of what the DSC was off that. */
  error: z.number().nonnegative(),
  /** The largest volume in the truth. */
  mostMl: z.number().nonnegative(),
});
type OrganCalibration = z.infer<typeof organ>;

export const calibration = z.strictObject({
  /** The SHA-256 of the model's weights. */
  weights: z.string(),
  /** Whether only the largest part of each organ was kept, as predictions then do unless asked otherwise. */
  keepsLargest: z.boolean(),
  /** The number of scans that it was learnt from. */
  scans: z.int().positive(),
  /** Each organ that was found in any of them, by name. */
  organs: z.record(z.string(), organ),
});
export type Calibration = z.infer<typeof calibration>;

/** What was found of an organ in a scan whose truth is known. */
export interface KnownOrgan {
  readonly name: string;
  /** The mean of the largest probability over what was called the organ; null where nothing was. */
  readonly probability: number | null;
  readonly dsc: number;
  /** The volume in the truth. */
  readonly trueMl: number;
}

/** The scans of one origin, which count as much as those of any other, however many they are. */
export type KnownScans = readonly (readonly KnownOrgan[])[];

/** The calibration that scans of several origins give. */
export function calibrationOf(
  { weights, keepsLargest }: Pick<Calibration, 'weights' | 'keepsLargest'>,
  sources: readonly KnownScans[],
): Calibration {
  const known = sources.flatMap((scans) =>
    scans.flat().map((found) => ({ ...found, weight: 1 / scans.length })),
  );
  const names = new Set(known.flatMap(({ name, probability }) => (probability === null ? [] : [name])));
  const organs = [...names].map((name) => {
    const own = known.filter((found) => found.name === name);
    const points = own.flatMap(({ probability, dsc, weight }) =>
      probability === null ? [] : [{ probability, dsc, weight }],
    );
    return [name, { ...lineThrough(points), mostMl: Math.max(...own.map(({ trueMl }) => trueMl)) }];
  });
  const scans = sources.reduce((sum, source) => sum + source.length, 0);
  return { weights, keepsLargest, scans, organs: Object.fromEntries(organs) };
}

/** The weighted least squares of the DSC over the probability, which never falls with it. */
function lineThrough(
  points: readonly { probability: number; dsc: number; weight: number }[],
): Omit<OrganCalibration, 'mostMl'> {
  const total = points.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (of: (point: (typeof points)[number]) => number) =>
    points.reduce((sum, point) => sum + point.weight * of(point), 0) / total;
  const [p, d] = [mean(({ probability }) => probability), mean(({ dsc }) => dsc)];
  const variance = mean(({ probability }) => (probability - p) ** 2);
  const together = mean(({ probability, dsc }) => (probability - p) * (dsc - d));
  const slope = variance > 1e-6 ? Math.max(0, together / variance) : 0;
  const intercept = d - slope * p;
  const error = Math.sqrt(mean(({ probability, dsc }) => (dsc - intercept - slope * probability) ** 2));
  return { intercept, slope, error };
}

/** How far an organ of a prediction is to be trusted. */
export interface Trust {
  readonly name: string;
  /** The mean of the largest probability over what the network called the organ. */
  readonly probability: number;
  /** Undefined where no calibration knows the organ. */
  readonly expectedDsc: number | undefined;
  /** Why it is not to be trusted; undefined where nothing speaks against it. */
  readonly doubt: string | undefined;
}

/** What of a prediction tells how far it is to be trusted. */
interface Found {
  /** Voxels of each class on the network's grid. */
  readonly voxels: readonly number[];
  readonly confidence: { readonly byClass: readonly ({ readonly probability: number } | null)[] } | null;
  readonly report: { readonly spacingMm: Xyz };
}

/** The trust in each organ that was found; none where the prediction does not tell how sure it is. */
export function trustIn(
  { voxels, confidence, report: { spacingMm } }: Found,
  labelNames: readonly string[],
  known: Calibration | undefined,
): Trust[] {
  const voxelMl = spacingMm[0] * spacingMm[1] * spacingMm[2] * 1e-3;
  return labelNames.flatMap((name, label) => {
    const sure = label ? confidence?.byClass[label] : null;
    if (!sure) return [];
    const { probability } = sure;
    const organ = known?.organs[name];
    const expected = organ && organ.intercept + organ.slope * probability;
    const expectedDsc = expected && Math.min(1, Math.max(0, expected));
    return [{ name, probability, expectedDsc, doubt: doubtOf(organ, expectedDsc, voxels[label]! * voxelMl) }];
  });
}

function doubtOf(
  organ: OrganCalibration | undefined,
  expectedDsc: number | undefined,
  volumeMl: number,
): string | undefined {
  if (!organ || expectedDsc === undefined) return undefined;
  if (expectedDsc - organ.error < LEAST_DSC)
    return `expected DSC ${expectedDsc.toFixed(2)} ± ${organ.error.toFixed(2)}`;
  const isPlausible = volumeMl < 1.5 * organ.mostMl && volumeMl > 0.03 * organ.mostMl;
  return isPlausible ? undefined : `${volumeMl < 10 ? volumeMl.toFixed(1) : Math.round(volumeMl)} ml`;
}

/**
 * What is to be said of a case, in one line; undefined where every organ that was found is to be trusted. A scan in which
 * hardly any is may show something else altogether.
 */
export function doubtsInWords(trust: readonly Trust[], known: Calibration): string | undefined {
  const judged = trust.filter(({ expectedDsc }) => expectedDsc !== undefined);
  const doubted = judged.filter(({ doubt }) => doubt !== undefined);
  const trusted = judged.filter(({ doubt }) => doubt === undefined).map(({ name }) => name);
  const organs = Object.keys(known.organs);
  if (trusted.length < organs.length / 5)
    return `${trusted.length ? `${listed(trusted)} alone` : 'nothing'} found for certain of ${listed(organs)}: does the scan show them?`;
  if (!doubted.length) return undefined;
  return `not to be trusted: ${doubted.map(({ name, doubt }) => `${name} (${doubt})`).join(', ')}`;
}
