/**
 * The device that kernels run on, and what they choose by. Knows neither Node nor Dawn: `open/` has what opens one.
 */
import { Arena, GpuLostError, OutOfGpuMemoryError } from './arena.ts';
import type { ConvProblem, Tile } from './ops/conv/choice/problem.ts';
import { PipelineCache } from './pipeline.ts';
import { countingDevice } from './rehearsal.ts';

/** What an adapter is and what it can do, as `doctor` prints it and as kernels choose by it. */
export interface AdapterFacts {
  readonly name: string;
  readonly vendor: string;
  readonly driver: string;
  /** A CPU that plays GPU (lavapipe, SwiftShader, Windows' WARP). */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly subgroupSize: number;
  readonly subgroupMatrices: readonly string[];
}

/** Chooses the kernel that computes a convolution; `undefined` leaves it to `defaultTile`. */
export type TileChoice = (gpu: Gpu, problem: ConvProblem) => Tile | undefined;

export interface GpuOptions {
  /** The most bytes that may be allocated; beyond them allocation throws OutOfGpuMemoryError. */
  memoryCapBytes?: number;
  /** The most bytes of a storage binding, where less than the adapter's; for tests of tensors bound in parts. */
  maxBindingBytes?: number;
  /** The memory that the direct convolution reads weights from; the default suits the adapter. */
  weightSpace?: WeightSpace;
  /** The choice of a kernel for each convolution; the default suits the adapter. */
  tileChoice?: TileChoice;
}

/**
 * Uniform buffers (64 KiB a binding, many small dispatches; each subgroup reads a weight once and broadcasts it) on
 * a CPU, where any load costs as much as several multiply-adds; storage buffers (one dispatch) on a GPU, whose cores
 * need the parallelism.
 */
export type WeightSpace = 'uniform' | 'storage';

/** The time after a broken promise in which the driver's account of it may come. */
const FAULT_DELAY_MS = 50;

/** The most dropped launches whose bind groups may still be held. */
const MOST_DROPPED_LAUNCHES = 4096;

/** What a device stands on, and what only that can do. */
export interface Host {
  /** Frees what is garbage, where the host can be asked to. */
  collectGarbage(): void;
  /** Called once, when the device is closed. */
  release(): void;
}

/** An open device. One owner opens it and calls `close()`, or Node does not exit. */
export class Gpu {
  readonly device: GPUDevice;
  readonly adapter: AdapterFacts;
  readonly arena: Arena;
  readonly pipelines: PipelineCache;
  readonly hasF16: boolean;
  readonly hasTimestamps: boolean;
  readonly maxBindingBytes: number;
  readonly weightSpace: WeightSpace;
  readonly tileChoice: TileChoice;
  readonly #host: Host | undefined;
  #fault: Error | undefined;
  #isLost = false;
  #isClosed = false;
  #droppedLaunches = 0;

  constructor(device: GPUDevice, adapter: AdapterFacts, options: GpuOptions, host?: Host) {
    this.#host = host;
    this.device = device;
    this.adapter = adapter;
    this.arena = new Arena(device, options.memoryCapBytes);
    this.pipelines = new PipelineCache(device);
    this.hasF16 = device.features.has('shader-f16');
    this.hasTimestamps = device.features.has('timestamp-query');
    this.maxBindingBytes = Math.min(
      options.maxBindingBytes ?? Number.POSITIVE_INFINITY,
      device.limits.maxStorageBufferBindingSize,
    );
    const suits = adapter.software && device.features.has('subgroups') ? 'uniform' : 'storage';
    this.weightSpace = options.weightSpace ?? suits;
    this.tileChoice = options.tileChoice ?? (() => undefined);
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#fault ??=
        error.constructor.name === 'GPUOutOfMemoryError'
          ? new OutOfGpuMemoryError(`the driver is out of GPU memory: ${error.message}`)
          : new Error(`GPU: ${error.message}`);
    });
    device.lost.then(({ message }) => {
      this.#isLost = true;
      if (!this.#isClosed) this.#fault = new GpuLostError(`GPU device lost: ${message}`);
    });
  }

  /**
   * A GPU that counts what is asked of it and allocates nothing: whatever is built on it tells by its account, which
   * begins at 0, what this one would need. What is read back from it is zeros.
   */
  rehearsal(memoryCapBytes?: number): Gpu {
    return new Gpu(countingDevice(this.device), this.adapter, {
      maxBindingBytes: this.maxBindingBytes,
      weightSpace: this.weightSpace,
      tileChoice: this.tileChoice,
      ...(memoryCapBytes !== undefined && { memoryCapBytes }),
    });
  }

  /** Throws the first fault that the driver reported since the last check. */
  check(): void {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault) throw fault;
  }

  /** Waits until all submitted work is done; throws what went wrong in it. */
  async finish(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    this.check();
  }

  /**
   * Told of launches that are used no more. WebGPU frees their bind groups with the garbage alone, and the heap grows
   * too little to have it collected; a software driver maps memory for each, of which Linux allows 65,530 at a time.
   */
  dropped(launches: number): void {
    this.#droppedLaunches += launches;
    if (this.#droppedLaunches < MOST_DROPPED_LAUNCHES) return;
    this.#droppedLaunches = 0;
    this.#host?.collectGarbage();
  }

  /** Whether no work can be done on this device any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Lets the driver tell what went wrong, where a promise that it broke came first. */
  faultsTold(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, FAULT_DELAY_MS);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.device.destroy();
    this.#host?.release();
  }
}
