/** Accounts for the time of an epoch's steps. */
import type { TimeShares } from './trainingRecords.ts';

export class StepClock {
  readonly #began = performance.now();
  #stepBegan = this.#began;
  #gpuMs = 0;
  #waitMs = 0;
  #encodeMs = 0;

  /** When the step at work began, which is when the one before was done. */
  get stepBegan(): number {
    return this.#stepBegan;
  }

  /** Milliseconds that the GPU waited for data; below 0 the data were there before it was done. */
  waited(milliseconds: number): void {
    this.#waitMs += Math.max(0, milliseconds);
  }

  encoded(milliseconds: number): void {
    this.#encodeMs += milliseconds;
  }

  stepDone(gpuMs: number): void {
    this.#gpuMs += gpuMs;
    this.#stepBegan = performance.now();
  }

  get shares(): TimeShares {
    const share = (milliseconds: number) =>
      Math.round((1000 * milliseconds) / (this.#stepBegan - this.#began)) / 1000;
    return {
      gpuBusy: share(this.#gpuMs),
      dataWait: share(this.#waitMs),
      hostEncode: share(this.#encodeMs),
    };
  }
}
