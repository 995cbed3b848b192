/** How many requests a caller has made lately. */
export interface RateLimit {
  /** Counts a request; returns the seconds to wait where there were too many, else 0. */
  take(caller: string): Promise<number>;
}

const WINDOW_MS = 60_000;

/** Counts in this process's memory, by the minute. */
export function memoryRateLimit(perMinute: number, now: () => number = Date.now): RateLimit {
  let windowStart = 0;
  let counts = new Map<string, number>();
  return {
    async take(caller) {
      const start = Math.floor(now() / WINDOW_MS) * WINDOW_MS;
      if (start !== windowStart) {
        windowStart = start;
        counts = new Map();
      }
      const count = (counts.get(caller) ?? 0) + 1;
      counts.set(caller, count);
      return count > perMinute ? Math.ceil((windowStart + WINDOW_MS - now()) / 1000) : 0;
    },
  };
}
