/** Volumes of which some planes are held: plane z of the volume lies at z mod `depth`. */

export interface RingRun {
  /** Planes [from, to) of the volume. */
  readonly from: number;
  readonly to: number;
  /** Where the first of them lies. */
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
