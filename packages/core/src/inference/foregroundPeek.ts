/** A look at one window's labels before the others' are computed, for skipping early. */
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { argmax } from '@organseg/kernels/ops/argmax.ts';
import { empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { Downloads } from '@organseg/kernels/transfer.ts';

/** Room for one window's labels. */
export class ForegroundPeek {
  readonly #gpu: Gpu;
  /** u8 [voxels] */
  readonly #labels: Tensor;
  readonly #downloads: Downloads;
  readonly #regions: readonly number[] | undefined;

  /** `voxels` are those of a window, `regions` the labels of channels that are regions. */
  constructor(gpu: Gpu, voxels: number, regions?: readonly number[]) {
    this.#gpu = gpu;
    this.#regions = regions;
    this.#labels = empty(gpu, [voxels], 'u8');
    this.#downloads = new Downloads(gpu, voxels);
  }

  /** Whether the first of the windows, [N, D, H, W, C], has a label but background. */
  async sees(logits: Tensor): Promise<boolean> {
    runOnce(this.#gpu, argmax(this.#gpu, { logits, labels: this.#labels, regions: this.#regions }));
    let found = false;
    await this.#downloads.download(this.#labels, this.#labels.shape[0]!, (values) => {
      found = values.some((label) => label > 0);
    });
    await this.#downloads.drain();
    return found;
  }

  close(): void {
    this.#downloads.close();
    release(this.#gpu, this.#labels);
  }
}
