import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
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
import type { Triple } from '@organseg/core/volume/volume.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { interruptible, wholeNumber } from '../gpu/session.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';

interface Options extends CommonOptions, Counts {
  out: string;
  seed: number;
  spacing?: number;
  shape?: Triple;
  labelledAtOneCentre?: boolean;
}

export const phantom = command('phantom', 'Write a data set of abdominal CT phantoms with their labels')
  .requiredOption('--out <dir>', 'the folder to write, empty or with phantoms of the same settings')
  .option('--labelled <n>', 'labelled cases for training', wholeNumber, 8)
  .option('--unlabelled <n>', 'unlabelled cases for training', wholeNumber, 16)
  .option('--test <n>', 'labelled cases for testing', wholeNumber, 4)
  .option('--seed <n>', 'the same seed gives the same bytes', wholeNumber, 1)
  .option('--spacing <mm>', 'mean voxel spacing, about which cases vary (default: 4)', spacingMm)
  .option('--shape <x,y,z>', 'voxels along each axis (default: what the field of view takes)', shape)
  .option('--labelled-at-one-centre', 'labelled cases: one contrast phase and no oral contrast medium')
  .action(async (options: Options) => {
    await interruptible(async (signal) => {
      const { cases, summary } = await writePhantoms(options, signal);
      const { out, seed, labelled, unlabelled, test } = options;
      print(options, { out, seed, labelled, unlabelled, test, cases }, summary);
    });
  });

/** Writes the cases that are not there yet. */
export async function writePhantoms(
  options: Options,
  signal: AbortSignal,
): Promise<{ cases: readonly PhantomCase[]; summary: string }> {
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
    summary: `${labelled} labelled, ${unlabelled} unlabelled and ${test} test cases in ${out}`,
  };
}

/** Describes the data set in its folder, which must be new or hold phantoms of the same settings. */
async function openFolder(out: string, counts: Counts, settings: PhantomSettings): Promise<void> {
  const description = join(out, 'dataset.json');
  try {
    await makeFolder(out);
    // A write that was killed leaves its part.
    const isEmpty = (await readdir(out)).every((name) => name.endsWith('.part'));
    if (!isEmpty) {
      if (!existsSync(description)) throw new InputError('it is not empty and has no dataset.json');
      assertContinues(await readJsonFile(description, z.unknown()), counts, settings);
    }
  } catch (error) {
    throw new InputError(`${out}: cannot write phantoms here: ${(error as Error).message}`);
  }
  await writeWhole(description, `${JSON.stringify(datasetJson(counts, settings), null, 2)}\n`);
}

function spacingMm(text: string): number {
  const value = Number(text);
  if (!(value >= 0.4 && value <= 10)) throw new InvalidArgumentError('Expected 0.4 to 10 (mm).');
  return value;
}

function shape(text: string): Triple {
  const [x, y, z, ...rest] = text.split(',').map(Number);
  const isFine = [x, y, z].every((n) => Number.isInteger(n) && n >= 16 && n <= 1024);
  if (!isFine || rest.length > 0) throw new InvalidArgumentError('Expected three whole numbers, 16 to 1024.');
  return [x, y, z];
}
