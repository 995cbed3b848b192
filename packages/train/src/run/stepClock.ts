/** The clock of an epoch's steps: where their time goes. */
import type { TimeShares } from './trainingRecords.ts';

export class StepClock {
  readonly #began = performance.now();
  #stepBegan = this.#began;
  #gpuMs = 0;
  #waitMs = 0;
  #encodeMs = 0;

  /** Time at which the step at work began, which is when the one before was done, by performance.now(). */
  get stepBegan(): number {
    return this.#stepBegan;
  }

  /** Adds time that the GPU waited for data; below 0 the data were there before it was done. */
  waited(waitMs: number): void {
    this.#waitMs += Math.max(0, waitMs);
  }

  /** Adds time that the host spent on uploading and submitting. */
  encoded(encodeMs: number): void {
    this.#encodeMs += encodeMs;
  }

  /** Ends a step, at which the GPU was for so long. */
  stepDone(gpuMs: number): void {
    this.#gpuMs += gpuMs;
    this.#stepBegan = performance.now();
  }

  /** Shares of the time from the first step's beginning to the last one's end. */
  get shares(): TimeShares {
    const share = (ms: number) => Math.round((1000 * ms) / (this.#stepBegan - this.#began)) / 1000;
    return {
      gpuBusy: share(this.#gpuMs),
      dataWait: share(this.#waitMs),
      hostEncode: share(this.#encodeMs),
    };
  }
}
