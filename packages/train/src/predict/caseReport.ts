/** What is told of each predicted case: how it was done and where the time went. */
import { z } from 'zod';

const count = z.int().nonnegative();
const triple = z.tuple([z.number(), z.number(), z.number()]).readonly();

export const caseReport = z.object({
  seconds: z.number(),
  /** Of `seconds`: host work by what it was, and `gpu`, what was waited for besides. */
  stages: z.record(z.string(), z.number()),
  /** Of the grid that the network saw. */
  spacingMm: triple,
  networkShape: triple,
  /** Why a coarser grid than asked for was used; null where it was not. */
  fallback: z.string().nullable(),
  /** Why attempts before failed. */
  retries: z.array(z.string()),
  /** As computed beforehand, and as counted. */
  plannedGpuBytes: count,
  peakGpuBytes: count,
  /** Windows at once, strips of columns, and what activations and the slab's logits are stored in. */
  batch: count,
  strips: count,
  activations: z.enum(['f32', 'f16']),
  logits: z.enum(['f32', 'f16']),
  resample: z.enum(['labels', 'logits']),
  windows: z.object({ all: count, air: count, early: count }),
  nonFiniteVoxels: count,
});
export type CaseReport = z.infer<typeof caseReport>;

/** Adds up seconds by what they were spent on. */
export class Stopwatch {
  readonly #started = performance.now();
  readonly #spent = new Map<string, number>();

  time<T>(name: string, work: () => T): T {
    const started = performance.now();
    try {
      return work();
    } finally {
      this.#spent.set(name, (this.#spent.get(name) ?? 0) + performance.now() - started);
    }
  }

  /** Milliseconds to seconds, in thousandths. */
  static seconds = (ms: number): number => Math.round(ms) / 1000;

  /** All since the beginning, and its stages; what none of them names was spent waiting for the GPU. */
  report(): Pick<CaseReport, 'seconds' | 'stages'> {
    const all = performance.now() - this.#started;
    const host = [...this.#spent.values()].reduce((a, b) => a + b, 0);
    const stages = [...this.#spent, ['gpu', all - host] as const].map(([name, ms]) => [
      name,
      Stopwatch.seconds(ms),
    ]);
    return { seconds: Stopwatch.seconds(all), stages: Object.fromEntries(stages) };
  }
}
