/** Scores queued cases one after another, as many at a time as there are threads. The database is the queue. */

import type { Services } from '../services.ts';
import { claimNextCase } from '../store/submissions.ts';
import { scoreQueuedCase } from '../submission/scoreQueuedCase.ts';

export interface ScoringLoop {
  /** Looks for queued cases; whoever queues some calls it. */
  wake(): void;
  /** Takes no more cases and waits for those under way. */
  stop(): Promise<void>;
}

export function scoringLoop(
  services: Pick<Services, 'db' | 'compute' | 'limits' | 'logError'>,
  atOnce: number,
): ScoringLoop {
  const runners = new Set<Promise<void>>();
  let isStopped = false;
  let wakes = 0;

  const run = async () => {
    while (!isStopped) {
      const before = wakes;
      const queued = await claimNextCase(services.db);
      if (queued) await scoreQueuedCase(services, queued).catch(services.logError);
      // A case may have been queued while this one looked and found none.
      else if (wakes === before) return;
    }
  };
  const start = () => {
    const runner = run()
      .catch(services.logError)
      .finally(() => runners.delete(runner));
    runners.add(runner);
  };
  return {
    wake() {
      wakes++;
      while (!isStopped && runners.size < atOnce) start();
    },
    async stop() {
      isStopped = true;
      await Promise.all(runners);
    },
  };
}
