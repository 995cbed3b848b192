/** How Dawn's binding hears from the GPU: without keeping a core busy. */

/** For so long after a wait began it is asked at once, as most waits are short; */
const AT_ONCE_MS = 0.5;
/** then after naps of this share of the wait, so that what is timed by waiting stays true; */
const NAP_SHARE = 0.05;
/** and from here on by timers, between which the event loop hears of all else. */
const TIMERS_FROM_MS = 20;
const TIMER_MS = 1;

const neverWoken = new Int32Array(new SharedArrayBuffer(4));
let isQuiet = false;

/**
 * While anything is waited for, Dawn's binding asks for events at every turn of the event loop, by the `setImmediate`
 * that it finds in `globalThis`. Left alone a core does nothing else, which is half of the machine where two play GPU,
 * and every turn leaves garbage. This makes the turns pause.
 */
export function askQuietly(): void {
  if (isQuiet) return;
  isQuiet = true;
  const { setImmediate: atOnce } = globalThis;
  let isAsking = false;
  let since = 0;
  const later = (ask: (...args: unknown[]) => void, ...args: unknown[]) => {
    // Asked for from within a turn: nothing has come yet.
    if (!isAsking) since = performance.now();
    const turn = () => {
      isAsking = true;
      try {
        ask(...args);
      } finally {
        isAsking = false;
      }
    };
    const waitedMs = performance.now() - since;
    if (waitedMs > TIMERS_FROM_MS) return setTimeout(turn, TIMER_MS);
    if (waitedMs > AT_ONCE_MS) Atomics.wait(neverWoken, 0, 0, NAP_SHARE * waitedMs);
    return atOnce(turn);
  };
  globalThis.setImmediate = Object.assign(later, atOnce) as unknown as typeof setImmediate;
}
