/** A plan that was dropped in place of a model: what it is, and what training by it takes on this GPU. */
import { InputError } from '@organseg/core/inputError.ts';
import { OutOfGpuMemoryError } from '@organseg/kernels/arena.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { PRESETS } from '@organseg/train/config/presets.ts';
import { type Config, configSchema } from '@organseg/train/config/schema.ts';
import { type ModelFiles, readJson } from '@organseg/train/imported/modelFiles.ts';
import { isPlansFile, settingsOfPlans } from '@organseg/train/plan/settingsOfPlans.ts';
import { trainingPeakBytes } from '@organseg/train/run/memory.ts';
import { z } from 'zod';

const MIB = 2 ** 20;

/** Throws InputError that tells of the plan, where a plan, of `plan` or of nnU-Net, is all that there is. */
export async function tellPlan(files: ModelFiles, gpu: () => Promise<Gpu>): Promise<void> {
  const [name, ...others] = await files.names();
  if (!name?.toLowerCase().endsWith('.json') || others.length) return;
  const json = await readJson(files, name, z.unknown());
  const config = isPlansFile(json)
    ? settingsOfPlans(PRESETS['noisy-student'], { json, path: files.pathOf(name) })
    : configSchema.safeParse(json).data;
  if (!config) return;
  const { architecture, strides, patch, spacingMm, batch } = config;
  const network = `${architecture} of ${strides.length} stages, ${batch} patches of ${patch.join(' × ')} voxels`;
  throw new InputError(
    `${name}: a plan: ${network} (z, y, x) at ${spacingMm.join(' × ')} mm (x, y, z); training by it takes ${await memoryFor(await gpu(), config)}. It has no weights: organseg train --data DIR --config ${name} --out RUN makes a model of it, the folder RUN, which can be dropped here`,
  );
}

async function memoryFor(gpu: Gpu, config: Config): Promise<string> {
  try {
    const bytes = await trainingPeakBytes(gpu, config, 'initial', config.patch);
    return `${Math.ceil(bytes / MIB)} MiB of GPU memory`;
  } catch (error) {
    if (!(error instanceof OutOfGpuMemoryError)) throw error;
    return 'more GPU memory than there is here';
  }
}
