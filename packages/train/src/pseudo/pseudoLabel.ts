/** Pseudo-labels: label maps of unlabelled scans, their scores, and the choice among them. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { UnlabelledCase } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { ADVICE, assertNothingLost } from '@organseg/files/outputs.ts';
import { isScanAsRecorded } from '@organseg/files/scanRecord.ts';
import { differenceOf, type Origin } from '../predict/origin.ts';
import { predictFile } from '../predict/predictFile.ts';
import type { Segmenter } from '../predict/predictor.ts';
import { instability } from './instability.ts';
import {
  MANIFEST,
  type PseudoLabelCase,
  type PseudoLabelManifest,
  readManifest,
  writeManifest,
} from './manifest.ts';
import { type Selection, select } from './selection/select.ts';

export interface PseudoLabelOptions {
  /** Origin of the predictor's labels, for the manifest. */
  readonly origin: Origin;
  /** The folder that the cases were listed from, if any. */
  readonly input?: string;
  readonly out: string;
  readonly selection: Selection;
  /** Folders with other label maps of the same cases: those of an earlier round, or of each fold. */
  readonly compared?: readonly string[];
  /** Told of each case, with the number of those that are done. */
  readonly onCase?: (done: number, total: number, labelled: PseudoLabelCase) => void;
  /** Told what is doubtful of a scan, and why one could not be segmented. */
  readonly onNote?: (text: string) => void;
  /** Told how many cases are done, a part of one too. */
  readonly onWindow?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Labels every case and writes CASE.nii.gz and the manifest, which grows with each case: interrupted, it goes on
 * where it was. A scan that cannot be segmented is not kept, and tried again the next time. Cases are judged anew
 * each time. Throws InputError if the folder holds other models' labels, or another process is at work in it.
 */
export const pseudoLabel = (
  segmenter: Segmenter,
  cases: readonly UnlabelledCase[],
  options: PseudoLabelOptions,
): Promise<PseudoLabelManifest> => whileLocked(options.out, () => label(segmenter, cases, options));

async function label(
  segmenter: Segmenter,
  cases: readonly UnlabelledCase[],
  options: PseudoLabelOptions,
): Promise<PseudoLabelManifest> {
  const { out, origin, selection, compared = [], onCase, onNote, onWindow, signal } = options;
  const labelled = await labelledBefore(cases, options);
  const asked = new Set(cases.map(({ name }) => name));
  const others = [...labelled.values()].filter((each) => !asked.has(each.case));
  const manifest = (): PseudoLabelManifest => ({
    ...origin,
    compared: compared.map((folder) => resolve(folder)),
    selection,
    cases: [
      ...judged(
        cases.map(({ name }) => labelled.get(name) ?? notLabelled(name, 'not labelled yet')),
        selection,
      ),
      ...others.map((each) => ({ ...each, kept: false, reason: 'its scan was not asked for' })),
    ],
  });
  await writeManifest(out, manifest()); // names the label maps before they are written
  for (const [i, { name, image }] of cases.entries()) {
    signal?.throwIfAborted();
    if (!labelled.has(name)) {
      const made = await predictFile(segmenter, image, (share) => onWindow?.(i + share));
      if ('fault' in made) {
        onNote?.(made.fault);
        labelled.set(name, notLabelled(name, made.fault));
      } else {
        if (made.doubts.length) onNote?.(`${name}: ${made.doubts.map(({ text }) => text).join('; ')}`);
        await writeNiftiFile(join(out, `${name}.nii.gz`), made.labels, made.space);
        labelled.set(name, {
          ...notLabelled(name, ''),
          labelled: true,
          scan: made.record,
          voxels: organVoxels(made.voxels, segmenter.labelNames),
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
    if (each.labelled && asked.has(name))
      labelled.set(name, { ...each, instability: await instability(name, out, compared) });
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

/** Voxels by label name, of numbers of voxels of each class, background first. */
const organVoxels = (voxels: readonly number[], labelNames: readonly string[]) =>
  Object.fromEntries(labelNames.slice(1).map((organ, i) => [organ, voxels[i + 1]]));

/** The same cases with the selection's verdicts; those without labels as they are. */
export function judged(cases: readonly PseudoLabelCase[], selection: Selection): PseudoLabelCase[] {
  const known = cases.filter((each) => each.labelled);
  const verdicts = select(known, selection);
  const byName = new Map(known.map((each, i) => [each.case, { ...each, ...verdicts[i] }]));
  return cases.map((each) => byName.get(each.case) ?? each);
}

/**
 * The cases that the folder holds labels of, but for those whose scans have changed since. Writes nothing. Throws
 * InputError where the labels cannot be written into the folder, or it holds labels of another origin.
 */
export async function labelledBefore(
  cases: readonly UnlabelledCase[],
  { out, origin, input }: Pick<PseudoLabelOptions, 'out' | 'origin' | 'input'>,
): Promise<Map<string, PseudoLabelCase>> {
  const before = existsSync(join(out, MANIFEST)) ? await readManifest(out) : undefined;
  const fileOf = (name: string) => `${name}.nii.gz`;
  await assertNothingLost({
    folder: out,
    files: [MANIFEST, ...cases.map(({ name }) => fileOf(name))],
    own: before ? [MANIFEST, ...before.cases.map((each) => fileOf(each.case))] : [],
    inputs: [...(input === undefined ? [] : [input]), ...cases.map(({ image }) => image), ...origin.models],
  });
  const there = new Map<string, PseudoLabelCase>();
  if (!before) return there;
  const { models, weights, options } = before;
  if (!weights || !options) {
    throw new InputError(`${join(out, MANIFEST)}: does not say what it was made from; ${ADVICE}`);
  }
  const difference = differenceOf({ models, weights, options }, origin);
  if (difference) throw new InputError(`${out}: holds labels ${difference}`);
  const images = new Map(cases.map(({ name, image }) => [name, image]));
  for (const each of before.cases) {
    const { case: name, scan } = each;
    if (!scan || !existsSync(join(out, fileOf(name)))) continue;
    const image = images.get(name);
    if (image === undefined || (await isScanAsRecorded(image, scan))) there.set(name, each);
  }
  return there;
}
