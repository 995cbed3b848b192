/** Compiled kernels: each compiled once, by the time it first runs, or before that on threads of the driver. */
import { indent } from './indent.ts';
import { orAborted } from './orAborted.ts';

/** A kernel's code, compiled when it is asked for. */
export class Pipeline {
  readonly name: string;
  /** WGSL as the driver gets it, declarations and all. */
  readonly code: string;
  readonly #device: GPUDevice;
  readonly #descriptor: GPUComputePipelineDescriptor;
  #compiled: GPUComputePipeline | undefined;
  #compiling: Promise<void> | undefined;

  constructor(device: GPUDevice, name: string, code: string, layout: GPUPipelineLayout) {
    this.name = name;
    this.code = code;
    this.#device = device;
    this.#descriptor = {
      label: name,
      layout,
      compute: { module: device.createShaderModule({ label: name, code }), entryPoint: 'main' },
    };
  }

  /** Compiles at once what has not been compiled. */
  get compiled(): GPUComputePipeline {
    this.#compiled ??= this.#device.createComputePipeline(this.#descriptor);
    return this.#compiled;
  }

  /**
   * Begins to compile on the driver's threads, unless that was done before. Code that cannot be compiled is compiled
   * again where it is run, and the driver tells of its fault there.
   */
  compile(): void {
    if (this.#compiled) return;
    this.#compiling ??= this.#device.createComputePipelineAsync(this.#descriptor).then(
      (pipeline) => {
        this.#compiled ??= pipeline;
      },
      () => {},
    );
  }

  /** The compilation that `compile` began: settles when it has ended, and never rejects. */
  get compiling(): Promise<void> | undefined {
    return this.#compiling;
  }
}

/** Pipelines by their code, of which each is laid out and given to the driver once. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Pipeline>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get size(): number {
    return this.#pipelines.size;
  }

  /** All pipelines, in the order in which they were first asked for. */
  [Symbol.iterator](): Iterator<Pipeline> {
    return this.#pipelines.values();
  }

  /**
   * Settles when every compilation that was begun has ended: launches submitted then do not wait for the compiler. Throws
   * the signal's reason as soon as it is aborted; the driver goes on.
   */
  async ready(signal?: AbortSignal): Promise<void> {
    await orAborted(Promise.all([...this.#pipelines.values()].map(({ compiling }) => compiling)), signal);
  }

  /** The layout of a bind group. `kinds` has a letter for each binding: r read-only storage, w storage, u uniform. */
  layout(kinds: string): GPUBindGroupLayout {
    let layout = this.#layouts.get(kinds);
    if (!layout) {
      const type = { r: 'read-only-storage', w: 'storage', u: 'uniform' } as const;
      layout = this.#device.createBindGroupLayout({
        entries: [...kinds].map((kind, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: type[kind as 'r' | 'w' | 'u'] },
        })),
      });
      this.#layouts.set(kinds, layout);
    }
    return layout;
  }

  /** The pipeline of this code; `name` and `layout` are the first caller's. */
  pipeline(name: string, code: string, layout: GPUBindGroupLayout): Pipeline {
    let pipeline = this.#pipelines.get(code);
    if (!pipeline) {
      const pipelineLayout = this.#device.createPipelineLayout({ bindGroupLayouts: [layout] });
      pipeline = new Pipeline(this.#device, name, indent(code), pipelineLayout);
      this.#pipelines.set(code, pipeline);
    }
    return pipeline;
  }
}
