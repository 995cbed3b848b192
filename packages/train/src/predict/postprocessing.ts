/**
 * Postprocessing of label maps, and the choice of what helps a model: it is tried on the validation cases and kept with
 * the model, as nnU-Net does. Nothing is done unless it is asked for.
 */
import { existsSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { withoutIgnored } from '@organseg/core/metrics/ignored.ts';
import { diceByLabel } from '@organseg/core/metrics/overlap.ts';
import { organLabels } from '@organseg/core/organs.ts';
import { fillHoles, keepLargestComponent } from '@organseg/core/volume/components.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { listed } from '@organseg/core/words.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { check } from '@organseg/files/parseJson.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { z } from 'zod';
import { onDisk } from '../imported/openModelFiles.ts';
import type { Model, ModelWeights } from './model.ts';

export interface Postprocessing {
  /** Labels of which only the largest component is kept. */
  readonly largestComponent: readonly number[];
  /** Labels whose holes are filled. */
  readonly fillHoles: readonly number[];
}

export const NO_POSTPROCESSING: Postprocessing = { largestComponent: [], fillHoles: [] };

/** Numbers of voxels that changed, by label name; labels that did not change are left out. */
export interface PostprocessingChanges {
  readonly removedVoxels: Readonly<Record<string, number>>;
  readonly filledVoxels: Readonly<Record<string, number>>;
}

/** Postprocesses a label map in place, and tells what changed. */
export function postprocess(
  labels: Volume<Uint8Array>,
  { largestComponent, fillHoles: holes }: Postprocessing,
  labelNames: readonly string[],
): PostprocessingChanges {
  const named = (changes: ReadonlyMap<number, number>) =>
    Object.fromEntries([...changes].map(([label, count]) => [labelNames[label], count]));
  const removedVoxels = named(keepLargestComponent(labels, largestComponent));
  return { removedVoxels, filledVoxels: named(fillHoles(labels, holes)) };
}

const CHOICE = 'postprocessing.json';

/** Where the choice for the model at a path is kept: in the folder, or beside the zip, as MODEL.postprocessing.json. */
export function choicePath(model: string): string {
  const place = onDisk(model);
  const isFolder = statSync(place, { throwIfNoEntry: false })?.isDirectory();
  return isFolder ? join(model, CHOICE) : `${place.replace(/\.zip$/i, '')}.${CHOICE}`;
}

const choice = z.object({
  cases: z.array(z.string()),
  /** The weights whose label maps were tried, by their paths from the model's; versions before did not say. */
  weights: z.array(z.string()).optional(),
  /** The SHA-256 of each of the weights. */
  sha256: z.array(z.string()).optional(),
  /** Names of the labels of which only the largest component is kept. */
  largestComponent: z.array(z.string()),
  /** Names of the labels whose holes are filled. */
  fillHoles: z.array(z.string()),
  /** Mean DSC over the cases, by label: as predicted, and with what was chosen. */
  dsc: z.record(z.string(), z.object({ before: z.number(), after: z.number() })),
});
export type PostprocessingChoice = z.infer<typeof choice>;

/** The ways that are tried for each label. */
const WAYS = [
  { largest: false, fill: false },
  { largest: true, fill: false },
  { largest: false, fill: true },
  { largest: true, fill: true },
] as const;

/** The least gain of the mean DSC that counts as one. */
const LEAST_GAIN = 1e-6;

/** A trial that gathers the DSC of label maps treated each way, and chooses a way for each label. */
export class PostprocessingTrial {
  readonly #labelNames: readonly string[];
  readonly #cases: string[] = [];
  /** Sums of DSC over the cases, by way and then by label. */
  readonly #sums: number[][];

  constructor(labelNames: readonly string[]) {
    this.#labelNames = labelNames;
    this.#sums = WAYS.map(() => labelNames.map(() => 0));
  }

  /** Adds a case, whose labels have the reference's grid; voxels of the ignore label do not count. */
  add(name: string, predicted: Volume<Uint8Array>, reference: Uint8Array, ignoreLabel?: number): void {
    const all = organLabels(this.#labelNames);
    this.#cases.push(name);
    WAYS.forEach(({ largest, fill }, way) => {
      const treated = { ...predicted, data: predicted.data.slice() };
      if (largest) keepLargestComponent(treated, all);
      if (fill) fillHoles(treated, all);
      const judged = withoutIgnored({ reference, prediction: treated.data }, ignoreLabel);
      diceByLabel(judged.reference, judged.prediction, this.#labelNames.length).forEach((dsc, label) => {
        this.#sums[way][label] += dsc;
      });
    });
  }

  /** The choice for the model at a path, with these weights. Throws InputError where they cannot be read. */
  async choice(model: string, weights: readonly ModelWeights[]): Promise<PostprocessingChoice> {
    const best = this.#labelNames.map((_, label) =>
      WAYS.reduce(
        (chosen, __, way) =>
          this.#sums[way][label] > this.#sums[chosen][label] + LEAST_GAIN * this.#cases.length ? way : chosen,
        0,
      ),
    );
    const organs = this.#labelNames.map((name, label) => ({ name, label })).slice(1);
    const chosen = (key: 'largest' | 'fill') =>
      organs.filter(({ label }) => WAYS[best[label]][key]).map(({ name }) => name);
    const mean = (way: number, label: number) => this.#sums[way][label] / this.#cases.length;
    return {
      cases: this.#cases,
      weights: namesFrom(model, weights),
      sha256: await digestsOf(weights),
      largestComponent: chosen('largest'),
      fillHoles: chosen('fill'),
      dsc: Object.fromEntries(
        organs.map(({ name, label }) => [name, { before: mean(0, label), after: mean(best[label], label) }]),
      ),
    };
  }
}

export const saveChoice = (model: string, made: PostprocessingChoice): Promise<void> =>
  writeWhole(choicePath(model), `${JSON.stringify(made, null, 2)}\n`);

export interface KeptChoice extends Postprocessing {
  /** What a user should know of it, a line each. */
  readonly notes: readonly string[];
}

/** The choice that was kept for the model at a path, now with these weights. Throws InputError where there is none. */
export async function readChoice(
  model: string,
  { labelNames, weights }: Pick<Model, 'labelNames' | 'weights'>,
): Promise<KeptChoice> {
  const path = choicePath(model);
  if (!existsSync(path)) throw new InputError(`${path}: no such file; postprocess --choose writes it`);
  const json = await readJsonFile(path, z.looseObject({}));
  if ('postprocessing_fns' in json)
    throw new InputError(`${path}: is nnU-Net's own; move it away, and postprocess --choose writes ours`);
  const kept = check(json, choice, path);
  const fault = await otherWeights(kept, model, weights);
  return {
    largestComponent: labelsOf(kept.largestComponent, labelNames, `${path}: `),
    fillHoles: labelsOf(kept.fillHoles, labelNames, `${path}: `),
    notes: fault ? [`${path}: was chosen by label maps of ${fault}`] : [],
  };
}

/** What a choice was made by, and what there is now, in words; undefined where it is the same as far as is known. */
async function otherWeights(
  { weights: before, sha256 }: PostprocessingChoice,
  model: string,
  weights: readonly ModelWeights[],
): Promise<string | undefined> {
  if (!before) return undefined;
  const now = namesFrom(model, weights);
  const isNamedAlike = before.join() === now.join();
  const isSame = sha256 ? sha256.join() === (await digestsOf(weights)).join() : isNamedAlike;
  if (isSame) return undefined;
  return isNamedAlike ? `what ${listed(now)} held before` : `${listed(before)}, not of ${listed(now)}`;
}

const namesFrom = (model: string, weights: readonly ModelWeights[]): string[] =>
  weights.map(({ path }) => relative(model, path).replaceAll(sep, '/'));

const digestsOf = (weights: readonly ModelWeights[]): Promise<string[]> =>
  Promise.all(weights.map((each) => each.sha256()));

/** The ids of labels given by name or id. Throws InputError, after `source`, where one is no organ of the model. */
export function labelsOf(names: readonly string[], labelNames: readonly string[], source = ''): number[] {
  return names.map((name) => {
    const label = /^\d+$/.test(name) ? Number(name) : labelNames.indexOf(name);
    if (label < 1 || label >= labelNames.length)
      throw new InputError(`${source}${name}: is no organ of this model: ${labelNames.slice(1).join(', ')}`);
    return label;
  });
}
