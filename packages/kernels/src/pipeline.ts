/** Compiled kernels: each compiled once, by the time it first runs, or before that on threads of the driver. */

/** A kernel's code, compiled when it is asked for. */
export class Pipeline {
  readonly #device: GPUDevice;
  readonly #descriptor: GPUComputePipelineDescriptor;
  #compiled: GPUComputePipeline | undefined;
  #compiling: Promise<void> | undefined;

  constructor(device: GPUDevice, descriptor: GPUComputePipelineDescriptor) {
    this.#device = device;
    this.#descriptor = descriptor;
  }

  /** Compiles at once what has not been compiled. */
  get compiled(): GPUComputePipeline {
    this.#compiled ??= this.#device.createComputePipeline(this.#descriptor);
    return this.#compiled;
  }

  /**
   * Begins to compile meanwhile what has not been. What cannot be compiled is compiled again where it is run, and the
   * driver tells of its fault as of any.
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

  /** Settles when what was begun has ended; never rejects. */
  get compiling(): Promise<void> | undefined {
    return this.#compiling;
  }
}

/** Pipelines by their code: shapes that shape the code are baked in, sizes are not. */
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

  /** Settles when what has been begun is compiled: what is submitted then need not wait for the compiler. */
  async ready(): Promise<void> {
    await Promise.all([...this.#pipelines.values()].map(({ compiling }) => compiling));
  }

  /** `kinds` has a letter a binding: r read-only storage, w storage, u uniform. */
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

  pipeline(name: string, code: string, layout: GPUBindGroupLayout): Pipeline {
    let pipeline = this.#pipelines.get(code);
    if (!pipeline) {
      pipeline = new Pipeline(this.#device, {
        label: name,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: this.#device.createShaderModule({ label: name, code }), entryPoint: 'main' },
      });
      this.#pipelines.set(code, pipeline);
    }
    return pipeline;
  }
}
