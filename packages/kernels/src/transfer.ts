/**
 * Streams between host and GPU: two buffers each way, so that one travels while the other is filled or read, and the
 * host never runs further ahead than that. They are counted like all GPU memory, which the driver's own staging of
 * `upload` is not.
 */
import type { Gpu } from './device.ts';
import type { Tensor } from './tensor.ts';

/** Buffers each way. */
const STAGING_BUFFERS = 2;

interface StagingBuffer {
  readonly buffer: GPUBuffer;
  /** Resolves when the host may use the buffer; rejects with what the GPU reported. */
  ready: Promise<void>;
}

/** Hands a promise on with the GPU's own account of what went wrong, and lets nobody else hear of it unasked. */
function watched(gpu: Gpu, work: Promise<void>): Promise<void> {
  const told = work.catch(async (error: unknown) => {
    await gpu.faultsTold();
    gpu.check();
    throw error;
  });
  told.catch(() => {});
  return told;
}

/** Buffers that are used in turn. */
class StagingBuffers {
  readonly gpu: Gpu;
  readonly #staging: readonly StagingBuffer[];
  #next = 0;

  constructor(gpu: Gpu, descriptor: GPUBufferDescriptor) {
    this.gpu = gpu;
    this.#staging = Array.from({ length: STAGING_BUFFERS }, () => ({
      buffer: gpu.arena.create(descriptor),
      ready: Promise.resolve(),
    }));
  }

  /** The buffer that was used longest ago, once it is free. */
  async take(): Promise<StagingBuffer> {
    const staging = this.#staging[this.#next]!;
    this.#next = (this.#next + 1) % STAGING_BUFFERS;
    await staging.ready;
    return staging;
  }

  async drain(): Promise<void> {
    for (const { ready } of this.#staging) await ready;
  }

  close(): void {
    for (const { buffer } of this.#staging) this.gpu.arena.destroy(buffer);
  }
}

/** A part of what was staged and its place: `count` values from the staged ones' `from` on, to `target`'s element `at`. */
export interface StagedCopy {
  readonly from: number;
  readonly count: number;
  readonly target: Tensor;
  readonly at: number;
}

/** Float32 values from the host to tensors. */
export class Uploads {
  readonly #staging: StagingBuffers;

  constructor(gpu: Gpu, mostValues: number) {
    const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
    this.#staging = new StagingBuffers(gpu, { size: 4 * mostValues, usage, mappedAtCreation: true });
  }

  /** Copies `count` values to tensors once `fill` has written them; returns when the copy is queued. */
  async upload(
    count: number,
    fill: (values: Float32Array) => void,
    copies: readonly StagedCopy[],
  ): Promise<void> {
    const { gpu } = this.#staging;
    const staging = await this.#staging.take();
    const { buffer } = staging;
    fill(new Float32Array(buffer.getMappedRange(0, 4 * count)));
    buffer.unmap();
    const encoder = gpu.device.createCommandEncoder();
    for (const { from, count: part, target, at } of copies)
      encoder.copyBufferToBuffer(buffer, 4 * from, target.buffer, target.offsetBytes + 4 * at, 4 * part);
    gpu.device.queue.submit([encoder.finish()]);
    staging.ready = watched(gpu, buffer.mapAsync(GPUMapMode.WRITE));
  }

  close(): void {
    this.#staging.close();
  }
}

/** Bytes from tensors to the host. */
export class Downloads {
  readonly #staging: StagingBuffers;
  #last = Promise.resolve();

  constructor(gpu: Gpu, mostBytes: number) {
    const size = Math.ceil(mostBytes / 4) * 4;
    this.#staging = new StagingBuffers(gpu, {
      size,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
  }

  /** Reads a tensor's first bytes, which may be overwritten at once; `take` sees them when they have come. */
  async download(tensor: Tensor, bytes: number, take: (values: Uint8Array) => void): Promise<void> {
    const { gpu } = this.#staging;
    const staging = await this.#staging.take();
    const { buffer } = staging;
    const size = Math.ceil(bytes / 4) * 4;
    const encoder = gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(tensor.buffer, tensor.offsetBytes, buffer, 0, size);
    gpu.device.queue.submit([encoder.finish()]);
    const before = this.#last;
    const read = async () => {
      await buffer.mapAsync(GPUMapMode.READ, 0, size);
      await before; // in the order asked for
      take(new Uint8Array(buffer.getMappedRange(0, size)).subarray(0, bytes));
      buffer.unmap();
    };
    staging.ready = watched(gpu, read());
    this.#last = staging.ready;
  }

  /** Waits until everything has been taken. */
  drain(): Promise<void> {
    return this.#staging.drain();
  }

  close(): void {
    this.#staging.close();
  }
}
