/**
 * All GPU memory: every buffer is made here, so that every byte is counted. Tensor buffers are reused: freed
 * ones serve later requests of about their size.
 */

/** Says that the memory cap, or the driver's memory, is exhausted. */
export class OutOfGpuMemoryError extends Error {
  override name = 'OutOfGpuMemoryError';
}

/** Says that the device is gone: the driver was reset, or the card was. Only another device helps. */
export class GpuLostError extends Error {
  override name = 'GpuLostError';
}

export interface MemoryAccount {
  /** The bytes of live tensors and other buffers now. */
  readonly inUseBytes: number;
  /** The highest that `inUseBytes` has been. */
  readonly peakBytes: number;
  /** The bytes held from the driver now: in use, and kept for reuse. */
  readonly heldBytes: number;
  /** The highest that `heldBytes` has been: what a monitor of the GPU sees. */
  readonly peakHeldBytes: number;
}

/** A larger buffer may serve a request when at most this share of it is wasted. */
const MOST_WASTE = 0.125;
// STORAGE | UNIFORM (packed weights) | COPY_DST | COPY_SRC; the constants exist only once Dawn is loaded.
const USAGE_TENSOR = 0x80 | 0x40 | 0x08 | 0x04;

export class Arena {
  /** Most bytes that may be held; Infinity where there is no cap. */
  readonly capBytes: number;
  readonly #device: GPUDevice;
  #free: GPUBuffer[] = [];
  #inUse = new Map<GPUBuffer, number>();
  #inUseBytes = 0;
  #peakBytes = 0;
  #heldBytes = 0;
  #peakHeldBytes = 0;

  constructor(device: GPUDevice, capBytes = Number.POSITIVE_INFINITY) {
    this.#device = device;
    this.capBytes = capBytes;
  }

  get account(): MemoryAccount {
    return {
      inUseBytes: this.#inUseBytes,
      peakBytes: this.#peakBytes,
      heldBytes: this.#heldBytes,
      peakHeldBytes: this.#peakHeldBytes,
    };
  }

  /** Starts the peaks anew, from what is in use now. */
  resetPeaks(): void {
    this.#peakBytes = this.#inUseBytes;
    this.#peakHeldBytes = this.#heldBytes;
  }

  /** A storage buffer of at least `bytes` with undefined content. Throws OutOfGpuMemoryError. */
  allocate(bytes: number): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const have = this.#free[i]!.size;
      if (have < size || have * (1 - MOST_WASTE) > size) continue;
      if (best < 0 || have < this.#free[best]!.size) best = i;
    }
    const reused = best >= 0 ? this.#free.splice(best, 1)[0]! : undefined;
    return reused ? this.#take(reused) : this.create({ size, usage: USAGE_TENSOR });
  }

  /** A buffer of any usage. Throws OutOfGpuMemoryError beyond the cap. */
  create(descriptor: GPUBufferDescriptor): GPUBuffer {
    const { size } = descriptor;
    const most = this.#device.limits.maxBufferSize;
    if (size > most) {
      throw new OutOfGpuMemoryError(`a buffer of ${size} bytes is larger than the adapter's ${most}`);
    }
    if (this.#heldBytes + size > this.capBytes) this.trim();
    if (this.#heldBytes + size > this.capBytes) {
      throw new OutOfGpuMemoryError(
        `${this.#heldBytes + size} bytes of GPU memory needed, the cap is ${this.capBytes}`,
      );
    }
    const buffer = this.#createBuffer(descriptor);
    this.#heldBytes += size;
    this.#peakHeldBytes = Math.max(this.#peakHeldBytes, this.#heldBytes);
    return this.#take(buffer);
  }

  #createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    try {
      return this.#device.createBuffer(descriptor);
    } catch (error) {
      // What is mapped at creation fails at once, where the driver has no memory left.
      if (!(error instanceof RangeError)) throw error;
      throw new OutOfGpuMemoryError(`the driver is out of GPU memory: ${error.message}`);
    }
  }

  #take(buffer: GPUBuffer): GPUBuffer {
    this.#inUse.set(buffer, buffer.size);
    this.#inUseBytes += buffer.size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#inUseBytes);
    return buffer;
  }

  /** Gives a tensor's buffer back for reuse. Commands already recorded on it stay valid. */
  release(buffer: GPUBuffer): void {
    this.#drop(buffer);
    this.#free.push(buffer);
  }

  /** Destroys a buffer that no later request could reuse (uniforms, staging). */
  destroy(buffer: GPUBuffer): void {
    this.#drop(buffer);
    this.#heldBytes -= buffer.size;
    buffer.destroy();
  }

  #drop(buffer: GPUBuffer): void {
    const size = this.#inUse.get(buffer);
    if (size === undefined) throw new Error('arena: this buffer is not in use');
    this.#inUse.delete(buffer);
    this.#inUseBytes -= size;
  }

  /**
   * Runs `plan` with a free list of its own: what it releases serves only its own later requests, because the
   * launches it makes will use those buffers whenever they run. Returns them, still in use, for `release`.
   */
  reserve(plan: () => void): GPUBuffer[] {
    const shared = this.#free;
    this.#free = [];
    let reserved: GPUBuffer[] = [];
    try {
      plan();
    } finally {
      reserved = this.#free;
      this.#free = shared;
      for (const buffer of reserved) this.#take(buffer);
    }
    return reserved;
  }

  /** Makes something of several buffers: all of it, or, where that throws, nothing. */
  attempt<T>(make: () => T): T {
    const before = new Set(this.#inUse.keys());
    try {
      return make();
    } catch (error) {
      for (const buffer of [...this.#inUse.keys()]) if (!before.has(buffer)) this.destroy(buffer);
      throw error;
    }
  }

  /** Hands free buffers back to the driver. */
  trim(): void {
    for (const buffer of this.#free) {
      this.#heldBytes -= buffer.size;
      buffer.destroy();
    }
    this.#free = [];
  }
}
