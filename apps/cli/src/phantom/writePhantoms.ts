/** Writing a data set of phantoms, or the rest of one. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { InputError } from '@organseg/core/inputError.ts';
import {
  assertContinues,
  type Counts,
  datasetJson,
  type PhantomCase,
  type PhantomSettings,
  phantomCases,
  phantomOf,
} from '@organseg/core/phantom/dataset.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { plural } from '@organseg/core/words.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { LOCK, whileLocked } from '@organseg/files/lock.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { namesIn } from '@organseg/files/read.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { z } from 'zod';
import { progress } from '../terminal/progress.ts';

export interface PhantomOptions extends Counts {
  readonly out: string;
  readonly seed: number;
  readonly spacing?: number;
  readonly shape?: Xyz;
  readonly labelledAtOneCentre?: boolean;
}

interface Written {
  readonly cases: readonly PhantomCase[];
  readonly summary: string;
}

/** Writes the cases that are not there yet. */
export const writePhantoms = (options: PhantomOptions, signal: AbortSignal): Promise<Written> =>
  whileLocked(options.out, () => write(options, signal));

async function write(options: PhantomOptions, signal: AbortSignal): Promise<Written> {
  const { out, labelled, unlabelled, test } = options;
  const counts = { labelled, unlabelled, test };
  const settings: PhantomSettings = {
    seed: options.seed,
    ...(options.spacing !== undefined && { spacingMm: options.spacing }),
    ...(options.shape && { shape: options.shape }),
    ...(options.labelledAtOneCentre && { labelledAtOneCentre: true }),
  };
  const cases = phantomCases(counts);
  await openFolder(out, counts, settings);
  const isThere = ({ image, labels }: PhantomCase) =>
    existsSync(join(out, image)) && existsSync(join(out, labels));
  const missing = cases.filter((each) => !isThere(each));
  const before = cases.length - missing.length;
  const bar = progress('phantoms', cases.length, 'cases', before);
  for (const [i, each] of missing.entries()) {
    // Lets a signal in between two cases, which keep the process busy.
    await setImmediate();
    signal.throwIfAborted();
    const [image, labels] = [join(out, each.image), join(out, each.labels)];
    const made = phantomOf(each, settings);
    for (const path of [image, labels]) await makeFolder(dirname(path));
    await writeNiftiFile(labels, made.labels);
    await writeNiftiFile(image, made.image);
    bar.update(before + i + 1, `${each.name} ${made.image.shape.join(' × ')}`);
  }
  bar.finish();
  return {
    cases,
    summary: `${labelled} labelled, ${unlabelled} unlabelled and ${plural(test, 'test case')} in ${out}`,
  };
}

/** Describes the data set in its folder, which must be new or hold phantoms of the same settings. */
async function openFolder(out: string, counts: Counts, settings: PhantomSettings): Promise<void> {
  const description = join(out, 'dataset.json');
  try {
    // A write that was killed leaves its part.
    const isEmpty = (await namesIn(out)).every((name) => name.endsWith('.part') || name === LOCK);
    if (!isEmpty) {
      if (!existsSync(description)) throw new InputError('it is not empty and has no dataset.json');
      assertContinues(await readJsonFile(description, z.unknown()), counts, settings);
    }
  } catch (error) {
    throw new InputError(`${out}: cannot write phantoms here: ${(error as Error).message}`);
  }
  await writeWhole(description, `${JSON.stringify(datasetJson(counts, settings), null, 2)}\n`);
}
