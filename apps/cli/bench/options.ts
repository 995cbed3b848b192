import { InputError } from '@organseg/core/inputError.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { KERNELS, oneKernel } from '@organseg/kernels/ops/conv/tile.ts';
import { PRESETS, type PresetName } from '@organseg/train/presets.ts';
import { TUNE_MODES, tunedTiles } from '../src/tune/tiles.ts';

/** Throws InputError where there is no such preset. */
export function presetNamed(name: string): PresetName {
  if (!Object.hasOwn(PRESETS, name)) {
    throw new InputError(`--preset ${name}: expects one of ${Object.keys(PRESETS).join(', ')}`);
  }
  return name as PresetName;
}

/** Of `--tune` and `--kernel`, of the latter one for all convolutions. */
export function chooseTiles(gpu: Gpu, { tune, kernel }: { tune: string; kernel?: string | undefined }): void {
  const mode = TUNE_MODES.find((name) => name === tune);
  if (!mode) throw new InputError(`--tune ${tune}: expects ${TUNE_MODES.join(', ')}`);
  const only = KERNELS.find((name) => name === kernel);
  if (kernel !== undefined && !only)
    throw new InputError(`--kernel ${kernel}: expects ${KERNELS.join(', ')}`);
  gpu.tileChoice = only ? oneKernel(gpu, only) : tunedTiles(gpu, mode);
}
