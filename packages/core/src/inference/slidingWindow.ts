/**
 * Sliding-window inference with Gaussian weights: the network sees patches that overlap, and the logits of a
 * voxel are the weighted mean of those of all patches that hold it.
 */
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { accumulateWindow } from '@organseg/kernels/ops/accumulateWindow.ts';
import { argmax } from '@organseg/kernels/ops/argmax.ts';
import { download, empty, fromArray, release, upload, zeros } from '@organseg/kernels/tensor.ts';
import { inferenceProgram, type NetworkMemory } from '../network/program.ts';
import { Tape } from '../network/tape.ts';
import { type UnetConfig, unet } from '../network/unet.ts';
import type { Volume } from '../volume/volume.ts';
import { tensorShape } from './preprocess.ts';

type Size = readonly [number, number, number];

export interface SlidingWindowOptions {
  /** D, H, W. */
  readonly patch: Size;
  /** Of the patch, between neighbouring windows; 0.5 overlaps by half. */
  readonly step: number;
  /** Stops between windows. */
  readonly signal?: AbortSignal | undefined;
}

/** As MONAI's and nnU-Net's importance map: σ is an eighth of the patch. */
const SIGMA_SHARE = 0.125;

/** Label maps of prepared volumes, one after another, with the network's memory in between. */
export class SlidingWindow {
  readonly #gpu: Gpu;
  readonly #options: SlidingWindowOptions;
  readonly #inference: ReturnType<typeof inferenceProgram>;
  readonly #classes: number;

  constructor(gpu: Gpu, network: UnetConfig, memory: NetworkMemory, options: SlidingWindowOptions) {
    const tape = new Tape();
    const image = tape.input([1, ...options.patch, network.inputChannels]);
    const logits = unet(tape, image, network);
    this.#gpu = gpu;
    this.#options = options;
    this.#classes = network.classes;
    this.#inference = inferenceProgram(gpu, { tape, image, logits }, memory);
  }

  /**
   * The class of each voxel. Volumes smaller than the patch are padded with 0 around them. `onWindow` is called
   * after each window with the share that is done.
   */
  async labels(image: Volume<Float32Array>, onWindow?: (share: number) => void): Promise<Volume<Uint8Array>> {
    const gpu = this.#gpu;
    const { patch, step, signal } = this.#options;
    const size = tensorShape(image);
    const starts = size.map((n, axis) => windowStarts(n, patch[axis]!, step));
    const total = starts.reduce((product, list) => product * list.length, 1);
    const padded = size.map((n, axis) => Math.max(n, patch[axis]!)) as [number, number, number];
    const before = padded.map((n, axis) => Math.floor((n - size[axis]!) / 2)) as unknown as Size;
    const weights = fromArray(gpu, Float32Array.from(patch.flatMap(gaussian)), [
      patch[0] + patch[1] + patch[2],
    ]);
    const tensors = [weights];
    try {
      const volume = zeros(gpu, [...padded, this.#classes]);
      tensors.push(volume);
      const labels = empty(gpu, padded, 'u8');
      tensors.push(labels);
      let done = 0;
      for (const d of starts[0]!)
        for (const h of starts[1]!)
          for (const w of starts[2]!) {
            signal?.throwIfAborted();
            const origin = [d, h, w] as const;
            const from = origin.map((o, axis) => o - before[axis]!) as unknown as Size;
            upload(gpu, this.#inference.image, cut(image.data, size, from, patch));
            this.#inference.program.run();
            runOnce(gpu, accumulateWindow(gpu, { logits: this.#inference.logits, volume, origin, weights }));
            await gpu.finish();
            onWindow?.(++done / total);
          }
      runOnce(gpu, argmax(gpu, { logits: volume, labels }));
      const all = (await download(gpu, labels)) as Uint8Array;
      const inside = size.some((n, axis) => n !== padded[axis]) ? cut(all, padded, before, size) : all;
      return { shape: image.shape, affine: image.affine, data: inside };
    } finally {
      release(gpu, ...tensors);
    }
  }

  close(): void {
    this.#inference.program.close();
  }
}

/** Starts of windows along an axis: evenly spread, at most `step` of a patch apart, as nnU-Net places them. */
export function windowStarts(size: number, patch: number, step: number): number[] {
  if (size <= patch) return [0];
  const count = Math.ceil((size - patch) / (patch * step)) + 1;
  const distance = (size - patch) / (count - 1);
  return Array.from({ length: count }, (_, i) => Math.round(i * distance));
}

function gaussian(size: number): number[] {
  const sigma = size * SIGMA_SHARE;
  return Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - (size - 1) / 2) / sigma) ** 2));
}

/** A box of [D, H, W] values that may reach beyond them; there it holds 0. */
export function cut<T extends Float32Array | Uint16Array | Uint8Array>(
  values: T,
  size: Size,
  from: Size,
  box: Size,
): T {
  const result = new (values.constructor as new (length: number) => T)(box[0] * box[1] * box[2]);
  const first = Math.max(0, -from[2]);
  const last = Math.min(box[2], size[2] - from[2]);
  if (first >= last) return result;
  for (let d = Math.max(0, -from[0]); d < Math.min(box[0], size[0] - from[0]); d++)
    for (let h = Math.max(0, -from[1]); h < Math.min(box[1], size[1] - from[1]); h++) {
      const source = ((from[0] + d) * size[1] + from[1] + h) * size[2] + from[2];
      result.set(values.subarray(source + first, source + last) as never, (d * box[1] + h) * box[2] + first);
    }
  return result;
}
