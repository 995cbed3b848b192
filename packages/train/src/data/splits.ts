/**
 * The splits of a cross-validation: which labelled cases each fold trains on and which it is judged by.
 * `splits_final.json` in the data set's folder decides, in nnU-Net's form; without one the cases are shuffled, always
 * alike, and dealt out.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { Random } from '@organseg/core/random.ts';
import { plural } from '@organseg/core/words.ts';
import type { Dataset } from '@organseg/files/dataset.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { z } from 'zod';

export interface Fold {
  /** Number of the fold, from 0. */
  readonly fold: number;
  readonly folds: number;
}

/** A fold of as many as there are, unless their number is given. */
export interface AskedFold extends Pick<Fold, 'fold'> {
  readonly folds?: number | undefined;
}

export interface Split {
  readonly train: readonly string[];
  readonly val: readonly string[];
}

export const SPLITS = 'splits_final.json';

const splitsFile = z.array(z.object({ train: z.array(z.string()), val: z.array(z.string()) }));

/** nnU-Net's seed. Our generator is another, so that other cases share a fold. */
const SEED = 12345;

/** The number of folds without a file, as nnU-Net has it. */
const DEFAULT_FOLDS = 5;

/** A fold among how many it is. Throws InputError where there is none of its number. */
export async function foldOf(dataset: Dataset, { fold, folds }: AskedFold): Promise<Fold> {
  const { length } = await splitsOf(dataset, folds);
  if (fold < length) return { fold, folds: length };
  throw new InputError(
    `${dataset.folder}: has no fold ${fold}; ${length > 1 ? `its ${length} are 0 to ${length - 1}` : 'its only one is 0'}`,
  );
}

/**
 * The split of each fold: as many as asked for, or as the file has. Throws InputError where the file does not fit the data
 * or the number of folds.
 */
export async function splitsOf({ folder, labelled }: Dataset, folds?: number): Promise<readonly Split[]> {
  const names = labelled.map(({ name }) => name);
  const path = join(folder, SPLITS);
  if (!existsSync(path)) return dealt(names, folds ?? DEFAULT_FOLDS, folder);
  const splits = await readJsonFile(path, splitsFile);
  if (!splits.length || (folds !== undefined && splits.length !== folds)) {
    const asked = folds === undefined ? '' : `, asked for are ${folds}`;
    throw new InputError(`${path}: holds ${plural(splits.length, 'fold')}${asked}`);
  }
  for (const [fold, { train, val }] of splits.entries()) {
    const unknown = [...train, ...val].find((name) => !names.includes(name));
    if (unknown) throw new InputError(`${path}: ${unknown} of fold ${fold} is not in ${folder}/imagesTr`);
    const both = val.find((name) => train.includes(name));
    if (both) throw new InputError(`${path}: ${both} is in both parts of fold ${fold}`);
    if (!train.length || !val.length) throw new InputError(`${path}: fold ${fold} has an empty part`);
  }
  return splits;
}

function dealt(names: readonly string[], folds: number, folder: string): Split[] {
  if (folds < 2) throw new InputError(`${folder}: ${SPLITS} alone can have one fold; it is not there`);
  if (names.length < folds) {
    throw new InputError(`${folder}: ${folds} folds of ${plural(names.length, 'labelled case')}`);
  }
  const shuffled = new Random(SEED).shuffle([...names].sort());
  return Array.from({ length: folds }, (_, fold) => {
    const val = shuffled.filter((_, i) => i % folds === fold).sort();
    return { train: names.filter((name) => !val.includes(name)), val };
  });
}
