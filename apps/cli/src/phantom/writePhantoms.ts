/** The writer of data sets of phantoms. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { InputError } from '@organseg/core/inputError.ts';
import {
  assertContinues,
  type Counts,
  datasetJson,
  type PhantomCase,
  type PhantomSettings,
  phantomCases,
} from '@organseg/core/phantom/dataset.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { plural } from '@organseg/core/words.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { LOCK, whileLocked } from '@organseg/files/lock.ts';
import { assertNothingLost } from '@organseg/files/outputs.ts';
import { namesIn } from '@organseg/files/read.ts';
import { programBeside } from '@organseg/files/threads/programBeside.ts';
import { inThreads } from '@organseg/files/threads/threadJobs.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { z } from 'zod';
import { progress } from '../terminal/progress.ts';
import { type PhantomJob, writePhantom } from './writePhantom.ts';

const WORKER = programBeside(import.meta.url, 'phantomWorker');
/** Cases from which on starting threads pays. */
const WORTH_THREADS = 8;

export interface PhantomOptions extends Counts {
  readonly out: string;
  readonly seed: number;
  /** Mean voxel spacing in mm, about which cases vary. */
  readonly spacing?: number;
  /** Voxels; as many as the field of view takes unless given. */
  readonly shape?: Xyz;
  /** Whether labelled cases have one contrast phase and no oral contrast medium. */
  readonly labelledAtOneCentre?: boolean;
  /** Whether labelled cases are drawn wider than nature. */
  readonly wide?: boolean;
}

interface Written {
  readonly cases: readonly PhantomCase[];
  readonly summary: string;
}

/**
 * Writes the cases that are not there yet. Throws InputError where the folder holds something else, or another process
 * is at work in it.
 */
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
    ...(options.wide && { wide: true }),
  };
  const cases = phantomCases(counts);
  await openFolder(out, counts, settings);
  const isThere = ({ image, labels }: PhantomCase) =>
    existsSync(join(out, image)) && existsSync(join(out, labels));
  const missing = cases.filter((each) => !isThere(each));
  const before = cases.length - missing.length;
  const bar = progress('phantoms', cases.length, 'cases', before);
  let done = before;
  const onDone = ({ phantom }: PhantomJob, shape: Xyz) =>
    bar.update(++done, `${phantom.name} ${shape.join(' × ')}`);
  const jobs = missing.map((phantom): PhantomJob => ({ folder: out, phantom, settings }));
  if (jobs.length < WORTH_THREADS) await oneByOne(jobs, onDone, signal);
  else await inThreads(WORKER, jobs, onDone, signal);
  bar.finish();
  return {
    cases,
    summary: `${labelled} labelled, ${unlabelled} unlabelled and ${plural(test, 'test case')} in ${out}`,
  };
}

async function oneByOne(
  jobs: readonly PhantomJob[],
  onDone: (job: PhantomJob, shape: Xyz) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const job of jobs) {
    // A signal is heard between two cases alone, which keep the process busy.
    await setImmediate();
    signal.throwIfAborted();
    onDone(job, await writePhantom(job));
  }
}

/** Describes the data set in its folder, which must be new or hold phantoms of the same settings. */
async function openFolder(out: string, counts: Counts, settings: PhantomSettings): Promise<void> {
  const description = join(out, 'dataset.json');
  try {
    // A write that was killed leaves its part.
    const isEmpty = (await namesIn(out)).every((name) => name.endsWith('.part') || name === LOCK);
    if (!isEmpty) {
      if (!existsSync(description)) throw new InputError('it is not empty and has no dataset.json');
      const before = await readJsonFile(description, z.unknown());
      assertContinues(before, counts, settings);
      await assertNewCases(out, counts, (before as ReturnType<typeof datasetJson>).phantom.counts);
    }
  } catch (error) {
    throw new InputError(`${out}: cannot write phantoms here: ${(error as Error).message}`);
  }
  await writeWhole(description, `${JSON.stringify(datasetJson(counts, settings), null, 2)}\n`);
}

/** Throws InputError where files of cases that the data set did not have before are there already. */
async function assertNewCases(out: string, counts: Counts, before: Counts): Promise<void> {
  const filesOf = (cases: Counts) => phantomCases(cases).flatMap(({ image, labels }) => [image, labels]);
  const own = ['dataset.json', ...filesOf(before)];
  await assertNothingLost({ folder: out, files: filesOf(counts), own, inputs: [] });
}
