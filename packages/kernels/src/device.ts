/**
 * Opening and closing Dawn. The only file that imports `webgpu`.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create, globals } from 'webgpu';
import { Arena, GpuLostError, OutOfGpuMemoryError } from './arena.ts';
import { askQuietly } from './dawnEvents.ts';
import type { TileChoice } from './ops/conv/choice/tile.ts';
import { PipelineCache } from './pipeline.ts';
import { countingDevice } from './rehearsal.ts';

/** What an adapter is and what it can do, as `doctor` prints it and as kernels choose by it. */
export interface AdapterFacts {
  readonly name: string;
  readonly vendor: string;
  readonly driver: string;
  /** A CPU that plays GPU (lavapipe, SwiftShader). */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly subgroupSize: number;
  readonly subgroupMatrices: readonly string[];
}

export interface OpenOptions {
  /** Part of an adapter's name, where a host has several. */
  adapter?: string;
  /** Most bytes that may be allocated; beyond them allocation throws OutOfGpuMemoryError. */
  memoryCapBytes?: number;
  /** Smaller storage bindings than the adapter's, so that tests see tensors cut into windows. */
  maxBindingBytes?: number;
  /** Where the direct convolution reads weights from; the default suits the adapter. */
  weightSpace?: WeightSpace;
  /** `null`: checks shaders and calls as a device with every feature would, and computes nothing. For tests. */
  backend?: 'null';
  /** Which kernel each convolution runs on; the default suits the adapter. */
  tileChoice?: TileChoice;
}

/**
 * Uniform buffers (64 KiB a binding, many small dispatches; each subgroup reads a weight once and broadcasts it) on
 * a CPU, where any load costs as much as several multiply-adds; storage buffers (one dispatch) on a GPU, whose cores
 * need the parallelism.
 */
export type WeightSpace = 'uniform' | 'storage';

const NEEDED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

const WANTED_FEATURES = [
  'shader-f16',
  'timestamp-query',
  'subgroups',
  'chromium-experimental-subgroup-matrix',
] as GPUFeatureName[];

/** How long after a broken promise the driver's account of it may come. */
const FAULT_DELAY_MS = 50;

/** Dropped launches whose bind groups may still be held. */
const MOST_DROPPED_LAUNCHES = 4096;

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
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
  /** May be set before work is prepared. */
  tileChoice: TileChoice;
  /** Dawn lives as long as this reference does. */
  protected dawn: unknown;
  #fault: Error | undefined;
  #isLost = false;
  #isClosed = false;
  #droppedLaunches = 0;

  constructor(dawn: unknown, device: GPUDevice, adapter: AdapterFacts, options: OpenOptions) {
    this.dawn = dawn;
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
    return new Gpu(undefined, countingDevice(this.device), this.adapter, {
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
    if (this.#droppedLaunches < MOST_DROPPED_LAUNCHES || this.dawn === undefined) return;
    this.#droppedLaunches = 0;
    collectGarbage();
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
    // Dropped in the turn that resolved one of its promises, Dawn crashes the process at exit.
    setImmediate(() => {
      this.dawn = undefined;
    });
  }
}

/** The adapter that `openGpu` would use, or undefined where there is none. Throws if `adapter` names none. */
export async function findAdapter(
  options: OpenOptions = {},
): Promise<{ dawn: unknown; adapter: GPUAdapter; facts: AdapterFacts } | undefined> {
  // The Vulkan loader warns on stderr when this is unset.
  process.env.XDG_RUNTIME_DIR ??= '/tmp';
  Object.assign(globalThis, globals);
  askQuietly();
  const flags = [
    // NVIDIA's f16 hides behind the first two. The last: kernels keep within their tensors by themselves.
    'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,disable_robustness',
    // Timestamps are otherwise rounded to 65 µs.
    'disable-dawn-features=timestamp_quantization',
  ];
  if (options.backend) flags.push(`backend=${options.backend}`);
  if (options.adapter) flags.push(`adapter=${options.adapter}`);
  const dawn = create(flags);
  const adapter = await dawn.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return undefined;
  const info = adapter.info as GPUAdapterInfo & {
    subgroupMatrixConfigs?: Iterable<Record<string, unknown>>;
  };
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = (adapter.limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') limits[name] = value;
  }
  const facts: AdapterFacts = {
    name: info.device || info.description,
    vendor: info.vendor,
    driver: info.description,
    software: info.isFallbackAdapter || /llvmpipe|swiftshader/i.test(`${info.device} ${info.description}`),
    features: [...adapter.features].sort(),
    limits,
    subgroupSize: info.subgroupMinSize,
    subgroupMatrices: [...(info.subgroupMatrixConfigs ?? [])].map(
      (c) => `${c.M}×${c.N}×${c.K} ${c.componentType}→${c.resultComponentType}`,
    ),
  };
  return { dawn, adapter, facts };
}

/** Opens the GPU. Throws with the way out when there is none. */
export async function openGpu(options: OpenOptions = {}): Promise<Gpu> {
  const found = await findAdapter(options);
  if (!found) {
    throw new Error('no WebGPU adapter found: `pnpm cli doctor` tells what to install');
  }
  const requiredLimits: Record<string, number> = {};
  for (const name of NEEDED_LIMITS) requiredLimits[name] = found.facts.limits[name] as number;
  const device = await found.adapter.requestDevice({
    requiredLimits,
    requiredFeatures: WANTED_FEATURES.filter((f) => found.adapter.features.has(f)),
  });
  return new Gpu(found.dawn, device, found.facts, options);
}

/** The names of all adapters: Dawn lists them when it is asked for one that is not there. */
export async function listAdapters(): Promise<string[]> {
  process.env.XDG_RUNTIME_DIR ??= '/tmp';
  try {
    await create(['adapter=no such adapter']).requestAdapter();
    return [];
  } catch (error) {
    return Array.from(String(error).matchAll(/name: '(.*)'/g), ([, name]) => name as string);
  }
}
