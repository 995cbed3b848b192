/** What long commands share: the GPU, opened once and closed, and a clean stop. */
import type { Gpu } from '@organseg/kernels/device.ts';
import { type OpenOptions, openGpu } from '@organseg/kernels/open/dawn.ts';
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

/** The same with a GPU, opened for the work and closed after it. */
export const withGpu = (
  { tune = 'cached', ...options }: GpuOptions,
  work: (gpu: Gpu, signal: AbortSignal) => Promise<void>,
): Promise<boolean> =>
  interruptible(async (signal) => {
    const gpu = await openGpu({ tileChoice: tunedTiles(tune), ...options });
    try {
      await work(gpu, signal);
    } finally {
      gpu.close();
    }
  });

export const memoryCapOption = () =>
  new Option('--memory-cap <MiB>', 'of GPU memory, all counted')
    .argParser(memoryCap)
    .default(DEFAULT_CAP_BYTES, '2048');

/** MiB on the command line, bytes inside. */
export const memoryCap = (text: string): number => positive(text) * 2 ** 20;
