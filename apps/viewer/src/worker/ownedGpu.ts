/** The page's GPU: opened once, and again where the device was lost. */
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/browser.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';

export class OwnedGpu implements GpuOwner {
  #gpu: Gpu;

  /** Throws where the browser has no WebGPU, or no adapter. */
  static async open(): Promise<OwnedGpu> {
    return new OwnedGpu(await openGpu());
  }

  private constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  get gpu(): Gpu {
    return this.#gpu;
  }

  async reopen(): Promise<Gpu> {
    this.#gpu.close();
    this.#gpu = await openGpu();
    return this.#gpu;
  }
}
