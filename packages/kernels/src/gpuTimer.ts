/**
 * The time that the GPU takes for submitted work: by its own clock where it has one, else by the host's, from the begin to the
 * work's end. On a CPU that plays GPU both are the same clock, and the host's costs nothing.
 */
import type { Gpu } from './device.ts';
import { type Launch, submit } from './kernel.ts';

const QUERIES = 2;
const BYTES = 8 * QUERIES;

interface Clock {
  readonly querySet: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly staging: GPUBuffer;
}

/** A stopwatch of the GPU. */
export class GpuTimer {
  readonly #gpu: Gpu;
  readonly #clock: Clock | undefined;
  #startedMs = 0;

  constructor(gpu: Gpu, usesGpuClock = gpu.hasTimestamps && !gpu.adapter.software) {
    this.#gpu = gpu;
    const buffer = (usage: number) => gpu.arena.create({ size: BYTES, usage });
    this.#clock = usesGpuClock
      ? {
          querySet: gpu.device.createQuerySet({ type: 'timestamp', count: QUERIES }),
          resolved: buffer(GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC),
          staging: buffer(GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST),
        }
      : undefined;
  }

  /** Begins to count, before the work is submitted. */
  begin(): void {
    this.#startedMs = performance.now();
    this.#stamp('beginningOfPassWriteIndex', 0);
  }

  /** The milliseconds of launches that are submitted as one pass, so that the GPU's clock sees nothing else. */
  async time(launches: readonly Launch[]): Promise<number> {
    if (!this.#clock) {
      this.begin();
      submit(this.#gpu, launches);
      return await this.end();
    }
    const { querySet } = this.#clock;
    submit(this.#gpu, launches, { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
    return await this.#read(this.#clock);
  }

  /** Keeps the GPU at work before it is timed: one that idled runs slowly for a while. A CPU needs none. */
  async warm(launches: readonly Launch[], milliseconds: number): Promise<void> {
    if (this.#gpu.adapter.software) return;
    for (const started = performance.now(); performance.now() - started < milliseconds; ) {
      for (let i = 0; i < 4; i++) submit(this.#gpu, launches);
      await this.#gpu.finish();
    }
  }

  /** The milliseconds since `begin`, once the work that was submitted is done. */
  async end(): Promise<number> {
    if (!this.#clock) {
      await this.#gpu.finish();
      return performance.now() - this.#startedMs;
    }
    this.#stamp('endOfPassWriteIndex', 1);
    return await this.#read(this.#clock);
  }

  /** The milliseconds between the two stamps, once they are set. */
  async #read({ querySet, resolved, staging }: Clock): Promise<number> {
    const encoder = this.#gpu.device.createCommandEncoder();
    encoder.resolveQuerySet(querySet, 0, QUERIES, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, BYTES);
    this.#gpu.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [begin, end] = new BigUint64Array(staging.getMappedRange());
    const milliseconds = Number(end! - begin!) / 1e6;
    staging.unmap();
    return milliseconds;
  }

  /** Sets a stamp by an empty pass between what was submitted before and what comes. */
  #stamp(where: 'beginningOfPassWriteIndex' | 'endOfPassWriteIndex', index: number): void {
    if (!this.#clock) return;
    const encoder = this.#gpu.device.createCommandEncoder();
    const { querySet } = this.#clock;
    encoder.beginComputePass({ timestampWrites: { querySet, [where]: index } }).end();
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  close(): void {
    if (!this.#clock) return;
    const { querySet, resolved, staging } = this.#clock;
    for (const buffer of [resolved, staging]) this.#gpu.arena.destroy(buffer);
    querySet.destroy();
  }
}
