/** A folder of pseudo-labels: CASE.nii.gz each, and `manifest.json`, which says what was kept and why. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { z } from 'zod';
import type { Dataset, DatasetCase } from './dataset.ts';
import { readJsonFile, writeWhole } from './files.ts';

const pseudoLabelCase = z.object({
  case: z.string(),
  kept: z.boolean(),
  /** Why it was kept, or not. */
  reason: z.string(),
  /** On the network's grid, by label name; none where the scan could not be segmented. */
  voxels: z.record(z.string(), z.int().nonnegative()),
});
export type PseudoLabelCase = z.infer<typeof pseudoLabelCase>;

const pseudoLabelManifest = z.object({
  /** The run that labelled. */
  model: z.string(),
  minVoxels: z.int().nonnegative(),
  cases: z.array(pseudoLabelCase),
});
export type PseudoLabelManifest = z.infer<typeof pseudoLabelManifest>;

const FILE = 'manifest.json';

/** Gao 2022's rule in words. */
export const keepingRule = (minVoxels: number): string =>
  minVoxels > 0
    ? `every organ has at least ${minVoxels} ${minVoxels === 1 ? 'voxel' : 'voxels'}`
    : 'minVoxels 0 keeps every case';

export async function readManifest(folder: string): Promise<PseudoLabelManifest> {
  const path = join(folder, FILE);
  if (!existsSync(path)) throw new InputError(`${folder}: holds no pseudo-labels, it has no ${FILE}`);
  return readJsonFile(path, pseudoLabelManifest);
}

export async function writeManifest(folder: string, manifest: PseudoLabelManifest): Promise<void> {
  await writeWhole(join(folder, FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The kept cases as training cases: the data set's images with these labels. */
export function keptCases({ cases }: PseudoLabelManifest, folder: string, dataset: Dataset): DatasetCase[] {
  const images = new Map(dataset.unlabelled.map(({ name, image }) => [name, image]));
  return cases
    .filter(({ kept }) => kept)
    .map(({ case: name }) => {
      const image = images.get(name);
      if (!image) throw new InputError(`${join(folder, FILE)}: ${name} is not in ${dataset.folder}/imagesUn`);
      return { name, image, labels: join(folder, `${name}.nii.gz`) };
    });
}
