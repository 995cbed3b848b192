/** A folder of pseudo-labels: CASE.nii.gz each, and `manifest.json`, which says what was kept and why. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { Dataset, DatasetCase } from '@organseg/files/dataset.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { scanRecord } from '@organseg/files/scanRecord.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import { z } from 'zod';
import { origin } from '../predict/origin.ts';
import { selectionSchema } from './selection/select.ts';

const pseudoLabelCase = z.object({
  case: z.string(),
  kept: z.boolean(),
  /** Why it was kept, or not. */
  reason: z.string(),
  /** Whether the scan could be segmented; the scores mean nothing where it could not. */
  labelled: z.boolean(),
  /** The scan's files by name, as they were when it was labelled; missing where it was not. */
  scan: scanRecord.optional(),
  /** The scores that strategies judge by; see selection/strategy.ts. */
  voxels: z.record(z.string(), z.int().nonnegative()),
  confidence: z.number().nullable(),
  entropy: z.number().nullable(),
  instability: z.number().nullable(),
});
export type PseudoLabelCase = z.infer<typeof pseudoLabelCase>;

const pseudoLabelManifest = z.object({
  /** The runs that labelled, their logits averaged. */
  models: z.array(z.string()),
  /**
   * The SHA-256 of each run's weights, and the options that change labels; missing in manifests of earlier versions.
   */
  weights: origin.shape.weights.optional(),
  options: origin.shape.options.optional(),
  /** Folders of other label maps of the cases, which `instability` compares with. */
  compared: z.array(z.string()),
  selection: selectionSchema,
  /** Folder of CASE.nii.gz, where they do not lie beside the manifest. */
  labels: z.string().optional(),
  cases: z.array(pseudoLabelCase),
});
export type PseudoLabelManifest = z.infer<typeof pseudoLabelManifest>;

export const MANIFEST = 'manifest.json';

/** Throws InputError where the folder holds no pseudo-labels, or its manifest is broken. */
export async function readManifest(folder: string): Promise<PseudoLabelManifest> {
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) throw new InputError(`${folder}: holds no pseudo-labels, it has no ${MANIFEST}`);
  return readJsonFile(path, pseudoLabelManifest);
}

export async function writeManifest(folder: string, manifest: PseudoLabelManifest): Promise<void> {
  await writeWhole(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * The kept cases as training cases: the data set's images with these labels, of which those that were made with a least
 * probability have IGNORED voxels. Throws InputError where the data set lacks one of the images.
 */
export function keptCases(manifest: PseudoLabelManifest, folder: string, dataset: Dataset): DatasetCase[] {
  const { cases, options, labels = folder } = manifest;
  const ignoreLabel = options && 'leastProbability' in options ? IGNORED : dataset.ignoreLabel;
  const images = new Map(dataset.unlabelled.map(({ name, image }) => [name, image]));
  return cases
    .filter(({ kept }) => kept)
    .map(({ case: name }) => {
      const image = images.get(name);
      if (!image)
        throw new InputError(`${join(folder, MANIFEST)}: ${name} is not in ${dataset.folder}/imagesUn`);
      return { name, image, labels: join(labels, `${name}.nii.gz`), ignoreLabel };
    });
}
