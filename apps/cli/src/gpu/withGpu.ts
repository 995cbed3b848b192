/** The GPU of a command: who opens and closes it, and the options that decide on it. */
import type { Gpu } from '@organseg/kernels/device.ts';
import { type OpenOptions, openGpu } from '@organseg/kernels/open/dawn.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import { DEFAULT_CAP_BYTES } from '@organseg/train/predict/predictor.ts';
import { Option } from 'commander';
import { interruptible } from '../terminal/interruptible.ts';
import { positive } from '../terminal/optionValues.ts';
import { TUNE_MODES, type TuneMode, tunedTiles } from '../tune/tiles.ts';

export interface GpuOptions extends OpenOptions {
  readonly tune?: TuneMode | undefined;
}

export const tuneOption = () =>
  new Option(
    '--tune <mode>',
    'kernels of convolutions on a GPU: as they come, as measured before, or measured now where they were not',
  )
    .choices(TUNE_MODES)
    .default('cached');

/** An owner of the GPU that opens it once, and again where the device was lost, and closes it at the end. */
export class OwnedGpu implements GpuOwner {
  readonly #options: OpenOptions;
  #gpu: Gpu;

  /** Opens the GPU. Throws where there is none. */
  static async open(options: OpenOptions = {}): Promise<OwnedGpu> {
    return new OwnedGpu(options, await openGpu(options));
  }

  private constructor(options: OpenOptions, gpu: Gpu) {
    this.#options = options;
    this.#gpu = gpu;
  }

  get gpu(): Gpu {
    return this.#gpu;
  }

  /** Throws where the same adapter does not come back: another one computes otherwise, or for hours. */
  async reopen(): Promise<Gpu> {
    const { adapter: lost } = this.#gpu;
    this.#gpu.close();
    const lostForGood = `the GPU device was lost, and its adapter ${lost.name} is gone`;
    const gpu = await openGpu(this.#options).catch((error) => {
      throw new Error(lostForGood, { cause: error });
    });
    const { name, vendor, software } = gpu.adapter;
    if (name !== lost.name || vendor !== lost.vendor || software !== lost.software) {
      gpu.close();
      throw new Error(`${lostForGood}; ${name} is not taken in its place`);
    }
    this.#gpu = gpu;
    return gpu;
  }

  close(): void {
    this.#gpu.close();
  }
}

/** Runs work that Ctrl-C stops with a GPU, opened for it and closed after it. Returns whether nothing stopped it. */
export const withGpu = (
  { tune = 'cached', ...options }: GpuOptions,
  work: (owner: OwnedGpu, signal: AbortSignal) => Promise<void>,
): Promise<boolean> =>
  interruptible(async (signal) => {
    const owner = await OwnedGpu.open({ tileChoice: tunedTiles(tune), ...options });
    try {
      await work(owner, signal);
    } finally {
      owner.close();
    }
  });

export const memoryCapOption = () =>
  new Option('--memory-cap <MiB>', 'of GPU memory, all counted')
    .argParser(memoryCap)
    .default(DEFAULT_CAP_BYTES, '2048');

/** Bytes of MiB, which the command line gives. */
export const memoryCap = (text: string): number => positive(text) * 2 ** 20;
