/** The command line of the network's benches. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '@organseg/core/inputError.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu, TileChoice } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { KERNELS, oneKernel } from '@organseg/kernels/ops/conv/choice/tile.ts';
import { networkConfig } from '@organseg/train/config/networkSettings.ts';
import { PRESETS, type PresetName } from '@organseg/train/config/presets.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import { modelPath } from '../src/model/box.ts';
import { TUNE_MODES, tunedTiles } from '../src/tune/tiles.ts';

/** A preset by its name. Throws InputError where there is no such preset. */
export function presetNamed(name: string): PresetName {
  if (!Object.hasOwn(PRESETS, name)) {
    throw new InputError(`--preset ${name}: expects one of ${Object.keys(PRESETS).join(', ')}`);
  }
  return name as PresetName;
}

export interface NetworkBench {
  readonly gpu: Gpu;
  readonly config: Config;
  /** The network that is measured, a model's or that of the settings, and the size of its patches. */
  readonly network: NetworkConfig;
  readonly patch: Dhw;
  /** Whether a model was named. */
  readonly isModel: boolean;
  readonly dtype: 'f32' | 'f16';
  readonly short: boolean;
}

/**
 * Runs a bench of the network by the options of its command line, and prints what it found. The preset is gao2022 on a
 * GPU, small on a CPU that plays GPU.
 */
export async function benchNetwork<T>(
  bench: (options: NetworkBench) => Promise<T>,
  asText: (result: T) => string,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      preset: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
      dtype: { type: 'string', default: 'f32' },
      tune: { type: 'string', default: 'cached' },
      kernel: { type: 'string' },
      short: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      model: { type: 'string' },
    },
  });
  const { dtype, short } = values;
  if (dtype !== 'f32' && dtype !== 'f16') throw new InputError(`--dtype ${dtype}: expects f32 or f16`);
  const gpu = await openGpu({ tileChoice: tilesOf(values) });
  try {
    const preset = values.preset ?? (gpu.adapter.software ? 'small' : 'gao2022');
    const config = resolveConfig(presetNamed(preset), undefined, values.set);
    const model = values.model === undefined ? undefined : await openModel(resolve(modelPath(values.model)));
    const { network, patch } = model ?? { network: networkConfig(config), patch: config.patch };
    const result = await bench({ gpu, config, network, patch, isModel: !!model, dtype, short });
    process.stdout.write(`${values.json ? JSON.stringify(result) : asText(result)}\n`);
  } finally {
    gpu.close();
  }
}

/** The choice of tiles that `--tune` makes, or the one kernel that `--kernel` names for all convolutions. */
function tilesOf({ tune, kernel }: { tune: string; kernel?: string | undefined }): TileChoice {
  const mode = TUNE_MODES.find((name) => name === tune);
  if (!mode) throw new InputError(`--tune ${tune}: expects ${TUNE_MODES.join(', ')}`);
  const only = KERNELS.find((name) => name === kernel);
  if (kernel !== undefined && !only)
    throw new InputError(`--kernel ${kernel}: expects ${KERNELS.join(', ')}`);
  return only ? oneKernel(only) : tunedTiles(mode);
}
