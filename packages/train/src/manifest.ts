/** A folder of pseudo-labels: CASE.nii.gz each, and `manifest.json`, which says what was kept and why. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { Dataset, DatasetCase } from './dataset.ts';
import { writeWhole } from './files.ts';

export interface PseudoLabelCase {
  readonly case: string;
  readonly kept: boolean;
  /** Why it was kept, or not. */
  readonly reason: string;
  /** On the network's grid, by label name. */
  readonly voxels: Readonly<Record<string, number>>;
}

export interface PseudoLabelManifest {
  /** The run that labelled. */
  readonly model: string;
  readonly minVoxels: number;
  readonly cases: readonly PseudoLabelCase[];
}

const FILE = 'manifest.json';

export async function readManifest(folder: string): Promise<PseudoLabelManifest> {
  const path = join(folder, FILE);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as PseudoLabelManifest;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new InputError(
      missing ? `${folder}: holds no pseudo-labels, it has no ${FILE}` : `${path}: is not JSON`,
    );
  }
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
