/**
 * Labels for unlabelled scans, what is known of each, and the choice among them.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import type { UnlabelledCase } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { readLabelsFile, writeNiftiFile } from '@organseg/files/nifti.ts';
import type { Predictor } from '../predict/predictor.ts';
import { type PseudoLabelCase, type PseudoLabelManifest, readManifest, writeManifest } from './manifest.ts';
import { type Selection, select } from './selection/select.ts';

export interface PseudoLabelOptions {
  /** The predictor's runs, for the manifest. */
  readonly models: readonly string[];
  readonly out: string;
  readonly selection: Selection;
  /** Folders with other label maps of the same cases: those of an earlier round, or of each fold. */
  readonly compared?: readonly string[];
  readonly onCase?: (done: number, total: number, labelled: PseudoLabelCase) => void;
  /** Cases done, and the share of the one at work. */
  readonly onWindow?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Labels every case and writes CASE.nii.gz and the manifest, which grows with each case: interrupted, it goes on
 * where it was. A scan that cannot be segmented is not kept, and tried again the next time. Cases are judged anew
 * each time. Throws InputError if the folder holds other models' labels, or another process is at work in it.
 */
export const pseudoLabel = (
  predictor: Predictor,
  cases: readonly UnlabelledCase[],
  options: PseudoLabelOptions,
): Promise<PseudoLabelManifest> => whileLocked(options.out, () => label(predictor, cases, options));

async function label(
  predictor: Predictor,
  cases: readonly UnlabelledCase[],
  options: PseudoLabelOptions,
): Promise<PseudoLabelManifest> {
  const { out, selection, compared = [], onCase, onWindow, signal } = options;
  const models = options.models.map((model) => resolve(model));
  const labelled = new Map(await labelledBefore(out, models));
  const manifest = (): PseudoLabelManifest => ({
    models,
    compared: compared.map((folder) => resolve(folder)),
    selection,
    cases: judged(
      cases.flatMap(({ name }) => labelled.get(name) ?? []),
      selection,
    ),
  });
  for (const [i, { name, image }] of cases.entries()) {
    signal?.throwIfAborted();
    if (!labelled.has(name)) {
      const made = await predictor.predictFile(image, (share) => onWindow?.(i + share));
      if ('fault' in made) {
        labelled.set(name, notLabelled(name, made.fault));
      } else {
        await writeNiftiFile(join(out, `${name}.nii.gz`), made.labels, made.space);
        labelled.set(name, {
          ...notLabelled(name, ''),
          labelled: true,
          voxels: organVoxels(made.voxels, predictor.run.labelNames),
          confidence: made.confidence?.probability ?? null,
          entropy: made.confidence?.entropy ?? null,
        });
      }
      await writeManifest(out, manifest());
    }
    onCase?.(i + 1, cases.length, labelled.get(name)!);
  }
  for (const [name, each] of labelled) {
    signal?.throwIfAborted();
    if (each.labelled) labelled.set(name, { ...each, instability: await instability(name, out, compared) });
  }
  const complete = manifest();
  await writeManifest(out, complete);
  return complete;
}

const notLabelled = (name: string, fault: string): PseudoLabelCase => ({
  case: name,
  labelled: false,
  kept: false,
  reason: fault,
  voxels: {},
  confidence: null,
  entropy: null,
  instability: null,
});

/** `voxels` counts each class, background first. */
const organVoxels = (voxels: readonly number[], labelNames: readonly string[]) =>
  Object.fromEntries(labelNames.slice(1).map((organ, i) => [organ, voxels[i + 1]]));

/** The same cases with the selection's verdicts; those without labels as they are. */
export function judged(cases: readonly PseudoLabelCase[], selection: Selection): PseudoLabelCase[] {
  const known = cases.filter((each) => each.labelled);
  const verdicts = select(known, selection);
  const byName = new Map(known.map((each, i) => [each.case, { ...each, ...verdicts[i] }]));
  return cases.map((each) => byName.get(each.case) ?? each);
}

/** The mean over the other folders of (voxels whose label differs / voxels labelled as organs here). */
async function instability(name: string, folder: string, others: readonly string[]): Promise<number | null> {
  const file = (of: string) => join(of, `${name}.nii.gz`);
  const there = others.filter((other) => existsSync(file(other)));
  if (!there.length) return null;
  const labels = await readLabelsFile(file(folder));
  const foreground = foregroundVoxels(labels.data);
  let sum = 0;
  for (const other of there) {
    const before = await readLabelsFile(file(other));
    assertSameGrid(labels, file(folder), before, file(other));
    sum += differingVoxels(labels.data, before.data) / Math.max(1, foreground);
  }
  return sum / there.length;
}

// Plain loops: a callback for each of some 40 million voxels would take ten times as long.

/** The number of voxels that are labelled as organs. */
function foregroundVoxels(labels: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i]! > 0) count++;
  return count;
}

/** The number of voxels whose label differs between two maps of one grid. */
function differingVoxels(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}

/** What the folder holds already. */
async function labelledBefore(out: string, models: readonly string[]): Promise<[string, PseudoLabelCase][]> {
  if (!existsSync(join(out, 'manifest.json'))) return [];
  const before = await readManifest(out);
  if (before.models.join() !== models.join()) {
    throw new InputError(`${out}: holds labels of ${before.models.join(', ')}, not of ${models.join(', ')}`);
  }
  return before.cases
    .filter((each) => each.labelled && existsSync(join(out, `${each.case}.nii.gz`)))
    .map((each) => [each.case, each]);
}
