/** The report of a predicted case: how it was segmented and where the time went. */
import { z } from 'zod';

const count = z.int().nonnegative();
const triple = z.tuple([z.number(), z.number(), z.number()]).readonly();

export const caseReport = z.object({
  seconds: z.number(),
  /** Parts of `seconds`: host work by what it was, and `gpu`, what was waited for besides. */
  stages: z.record(z.string(), z.number()),
  /** Spacing, x y z, of the grid that the network saw. */
  spacingMm: triple,
  /** Voxels of that grid, x y z. */
  networkShape: triple,
  /** Why a coarser grid than asked for was used; null where it was not. */
  fallback: z.string().nullable(),
  /** Why earlier attempts failed. */
  retries: z.array(z.string()),
  /** Peak of GPU memory as computed beforehand. */
  plannedGpuBytes: count,
  /** Peak of GPU memory as counted. */
  peakGpuBytes: count,
  /** Windows at once. */
  batch: count,
  /** Strips of columns that a slab was cut into. */
  strips: count,
  /** Classes of the network whose logits were computed together; null in reports of versions that did not tell. */
  classesAtOnce: count.nullable().default(null),
  /** Type of the activations. */
  activations: z.enum(['f32', 'f16']),
  /** Type of a slab's logits. */
  logits: z.enum(['f32', 'f16']),
  /** What went back to the scan's grid. */
  resample: z.enum(['labels', 'logits']),
  /** Windows in all, those of air that were left out, and those that `skipEarly` left out. */
  windows: z.object({ all: count, air: count, early: count }),
  /** Voxels of the scan that were not finite and became air. */
  nonFiniteVoxels: count,
});
export type CaseReport = z.infer<typeof caseReport>;

/** A stopwatch that adds up time by what it was spent on. */
export class Stopwatch {
  readonly #started = performance.now();
  readonly #spent = new Map<string, number>();

  /** Does work and adds the time that it took. */
  time<T>(name: string, work: () => T): T {
    const started = performance.now();
    try {
      return work();
    } finally {
      this.#spent.set(name, (this.#spent.get(name) ?? 0) + performance.now() - started);
    }
  }

  /** Seconds of milliseconds, in thousandths. */
  static seconds = (ms: number): number => Math.round(ms) / 1000;

  /** The time since the beginning and its parts; what no part names was spent waiting for the GPU. */
  report(): Pick<CaseReport, 'seconds' | 'stages'> {
    const all = performance.now() - this.#started;
    const host = [...this.#spent.values()].reduce((a, b) => a + b, 0);
    const parts = [...this.#spent, ['gpu', all - host] as const].map(([name, ms]) => [
      name,
      Stopwatch.seconds(ms),
    ]);
    return { seconds: Stopwatch.seconds(all), stages: Object.fromEntries(parts) };
  }
}
