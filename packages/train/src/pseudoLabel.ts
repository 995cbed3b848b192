/**
 * Labels for unlabelled scans, and Gao 2022's choice among them: kept where every organ has enough voxels.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { UnlabelledCase } from './dataset.ts';
import { writeNiftiFile } from './files.ts';
import {
  keepingRule,
  type PseudoLabelCase,
  type PseudoLabelManifest,
  readManifest,
  writeManifest,
} from './manifest.ts';
import type { Predictor } from './predictor.ts';

export interface PseudoLabelOptions {
  /** The predictor's run, for the manifest. */
  readonly model: string;
  readonly out: string;
  readonly minVoxels: number;
  readonly onCase?: (done: number, total: number, labelled: PseudoLabelCase) => void;
  /** Cases done, and the share of the one at work. */
  readonly onWindow?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Labels every case and writes CASE.nii.gz and the manifest, which grows with each case: interrupted, it goes on
 * where it was. A scan that cannot be segmented is not kept, and tried again the next time. Throws InputError if the folder holds another model's labels.
 */
export async function pseudoLabel(
  predictor: Predictor,
  cases: readonly UnlabelledCase[],
  { model, out, minVoxels, onCase, onWindow, signal }: PseudoLabelOptions,
): Promise<PseudoLabelManifest> {
  await mkdir(out, { recursive: true });
  const labelled = new Map(await labelledBefore(out, model, minVoxels, predictor));
  const manifest = (): PseudoLabelManifest => ({
    model: resolve(model),
    minVoxels,
    cases: cases.flatMap(({ name }) => labelled.get(name) ?? []),
  });
  for (const [i, { name, image }] of cases.entries()) {
    signal?.throwIfAborted();
    if (!labelled.has(name)) {
      const made = await predictor.predictFile(image, (share) => onWindow?.(i + share));
      if ('fault' in made) {
        labelled.set(name, { case: name, kept: false, reason: made.fault, voxels: {} });
      } else {
        await writeNiftiFile(join(out, `${name}.nii.gz`), made.labels, made.space);
        labelled.set(name, select(name, made.voxels, predictor.run.labelNames, minVoxels));
      }
      await writeManifest(out, manifest());
    }
    onCase?.(i + 1, cases.length, labelled.get(name)!);
  }
  await writeManifest(out, manifest());
  return manifest();
}

/** Gao 2022's rule. `voxels` counts each class, background first. */
export function select(
  name: string,
  voxels: readonly number[],
  labelNames: readonly string[],
  minVoxels: number,
): PseudoLabelCase {
  const organs = labelNames.slice(1).map((organ, i): [string, number] => [organ, voxels[i + 1]]);
  const small = organs.filter(([, count]) => count < minVoxels);
  return {
    case: name,
    kept: small.length === 0,
    reason: small.length
      ? `fewer than ${minVoxels} voxels: ${small.map(([organ, count]) => `${organ} ${count}`).join(', ')}`
      : keepingRule(minVoxels),
    voxels: Object.fromEntries(organs),
  };
}

/** What the folder holds already, judged anew by the limit asked for now. */
async function labelledBefore(
  out: string,
  model: string,
  minVoxels: number,
  predictor: Predictor,
): Promise<[string, PseudoLabelCase][]> {
  if (!existsSync(join(out, 'manifest.json'))) return [];
  const before = await readManifest(out);
  if (before.model !== resolve(model)) {
    throw new InputError(`${out}: holds labels of ${before.model}, not of ${resolve(model)}`);
  }
  const { labelNames } = predictor.run;
  const isThere = ({ case: name }: PseudoLabelCase) => existsSync(join(out, `${name}.nii.gz`));
  return before.cases.filter(isThere).map(({ case: name, voxels }) => {
    const counts = [0, ...labelNames.slice(1).map((organ) => voxels[organ])];
    return [name, select(name, counts, labelNames, minVoxels)];
  });
}
