/** Rings: of a volume some planes are held, plane d at d mod `depth`. */

/** Planes that are contiguous in a ring. */
export interface RingRun {
  /** Planes [from, to) of the volume. */
  readonly from: number;
  readonly to: number;
  /** The place of the first of them in the ring. */
  readonly at: number;
}

/** Planes [from, to) in runs that are contiguous in a ring of `depth` planes. */
export function ringRuns(from: number, to: number, depth: number): RingRun[] {
  const runs: RingRun[] = [];
  for (let start = from; start < to; ) {
    const at = start % depth;
    const end = Math.min(to, start + depth - at);
    runs.push({ from: start, to: end, at });
    start = end;
  }
  return runs;
}
