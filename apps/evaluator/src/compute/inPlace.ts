/** Work on masks in the process that asks for it, one at a time, as memory is short where threads are not to be had. */
import type { Blobs } from '../store/blobs.ts';
import type { Compute } from './compute.ts';
import { checkMask, scoreMasks } from './masks.ts';

export function computeInPlace(blobs: Blobs): Compute {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  };
  return {
    check: (job) => inTurn(() => checkMask(blobs, job)),
    score: (job) => inTurn(() => scoreMasks(blobs, job)),
  };
}
