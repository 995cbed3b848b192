/** The data that a run was started with, as its config.json records them, and whether they are still the same. */
import { join, relative, sep } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { channelFiles } from '@organseg/files/channels.ts';
import type { Labels } from '@organseg/files/datasetDescription.ts';
import { firstDifference } from '@organseg/files/differences.ts';
import type { FileRecord } from '@organseg/files/fileFacts.ts';
import { isAsRecorded } from '@organseg/files/fileRecord.ts';
import { settingsOfRegions } from '../config/regions.ts';
import type { StoredCase } from '../data/caseStore.ts';
import type { RunDescription } from './runDescription.ts';
import type { TrainingCases } from './trainingJob.ts';

/** The names of the training cases, whose labels are learnt from. */
export const trainedOn = ({ labelled, pseudo }: TrainingCases): string[] =>
  [...labelled, ...pseudo].map(({ name }) => name);

/** The records of a run's images and label maps by their paths from the data set's folder. */
export const sourcesOf = (
  data: string,
  records: ReadonlyMap<string, FileRecord>,
): NonNullable<RunDescription['sources']> =>
  Object.fromEntries([...records].map(([path, record]) => [pathFrom(data, path), record]));

/** A file's path from the data set's folder, which every system writes alike in config.json. */
const pathFrom = (data: string, path: string): string => relative(data, path).split(sep).join('/');

/**
 * Throws InputError, which names the differences, where these are not the cases that the run was started with, or
 * their images or label maps have changed since. Of a run of an earlier version the names alone are known.
 */
export async function assertSameData(
  folder: string,
  run: RunDescription,
  cases: TrainingCases,
  { labelNames, ignoreLabel: ignored, regions }: Labels,
): Promise<void> {
  const { data, sources, config } = run;
  const before = [...run.trainingCases, ...run.validationCases];
  const now = [...trainedOn(cases), ...cases.validation.map(({ name }) => name)];
  if (before.join() !== now.join()) {
    const without = before.filter((name) => !now.includes(name)).map((name) => `without ${name}`);
    const added = now.filter((name) => !before.includes(name)).map((name) => `with ${name}`);
    const how = listed([...without, ...added]) || 'in another order';
    throw new InputError(
      `${folder}: ${data} no longer holds the cases that this run was started with: ${how}`,
    );
  }
  if (labelNames.join() !== run.labelNames.join())
    throw new InputError(`${folder}: was started with the labels ${run.labelNames}, not with ${labelNames}`);
  const ignoreLabel = ignored ?? null;
  const difference = firstDifference(
    { ignoreLabel: run.ignoreLabel === undefined ? ignoreLabel : run.ignoreLabel, regions: config.regions },
    { ignoreLabel, regions: settingsOfRegions(regions) },
  );
  if (difference)
    throw new InputError(
      `${folder}: ${join(data, 'dataset.json')} has changed since it was started: ${difference}`,
    );
  if (!sources) return;
  const { labelled, pseudo, unlabelled, truth, validation } = cases;
  const files = [...labelled, ...pseudo, ...validation, ...unlabelled, ...truth]
    .flatMap(({ image, labels }: StoredCase) => [
      ...channelFiles(image, run.channelNames),
      ...(labels === undefined ? [] : [labels]),
    ])
    .map((path) => pathFrom(data, path));
  const changed: string[] = [];
  for (const file of new Set([...Object.keys(sources), ...files])) {
    const record = files.includes(file) ? sources[file] : undefined;
    if (!record || !(await isAsRecorded(join(data, file), record))) changed.push(file);
  }
  if (changed.length)
    throw new InputError(`${folder}: its data have changed since it was started: ${listed(changed)}`);
}

/** The number of names that a message lists. */
const LISTED = 6;

const listed = (names: readonly string[]): string =>
  names.length > LISTED
    ? `${names.slice(0, LISTED).join(', ')} and ${names.length - LISTED} more`
    : names.join(', ');
