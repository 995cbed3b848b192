/**
 * A data set in nnU-Net's layout: dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, imagesTs,
 * labelsTs, and imagesUn for unlabelled scans. A scan may be a folder of DICOM slices instead: imagesTr/CASE.
 */
import { basename, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { MAX_CLASSES } from '@organseg/core/organs.ts';
import type { Region } from '@organseg/core/regions.ts';
import { listed, plural } from '@organseg/core/words.ts';
import { z } from 'zod';
import { assertScan, type CaseFolder, leftOutNote, readCaseFolder, readImageFolder } from './caseFolder.ts';
import { channelEnding, channelFiles } from './channels.ts';
import { readJsonFile } from './json.ts';
import { assertFile, namesIn } from './read.ts';
import { regionsOf } from './regions.ts';

export interface DatasetCase {
  readonly name: string;
  /** The file of the first channel; those of the others are named after it, see channels.ts. */
  readonly image: string;
  readonly labels: string;
  /** The label of voxels that nothing is known of; undefined where there is none. */
  readonly ignoreLabel?: number | undefined;
}
export type UnlabelledCase = Pick<DatasetCase, 'name' | 'image'>;

/** What a data set's label maps hold. */
export interface Labels {
  /** Names by id, background first. */
  readonly labelNames: readonly string[];
  /** The label called `ignore`, of voxels that are neither learnt from nor scored; undefined without one. */
  readonly ignoreLabel?: number | undefined;
  /** The regions that are told apart in place of the labels; undefined where labels are. */
  readonly regions?: readonly Region[] | undefined;
}

export interface Dataset extends Labels {
  readonly folder: string;
  /** The names of the channels of each scan, by number; CT where dataset.json names none. */
  readonly channelNames: readonly string[];
  /** By name; each list sorted. */
  readonly labelled: readonly DatasetCase[];
  readonly unlabelled: readonly UnlabelledCase[];
  /** Labels are there or not. */
  readonly test: readonly UnlabelledCase[];
  /** What a user should know of its files, a line each. */
  readonly notes: readonly string[];
}

/** What `labels` expects. */
const LABELS = 'expects names with ids, or with lists of ids (or ids with names, as nnU-Net v1)';

/** What `channel_names` expects, or `modality`. */
const CHANNELS = 'expects names by the channels’ numbers, such as {"0": "CT"} or {"0": "T1", "1": "T2"}';

/** What dataset.json says of the files of scans. */
export const scansDescribed = {
  file_ending: z.literal('.nii.gz', 'only .nii.gz is read').optional(),
  channel_names: z.record(z.string(), z.string(), CHANNELS).optional(),
  modality: z.record(z.string(), z.string(), CHANNELS).optional(),
};

/** nnU-Net's description of a data set; that of its first version has ids before names, and modalities. */
const description = z.looseObject({
  labels: z.record(
    z.string(),
    z.union([z.int().nonnegative(), z.string(), z.array(z.int().positive()).min(1, LABELS)], LABELS),
    LABELS,
  ),
  regions_class_order: z.array(z.int().positive()).nullish(),
  ...scansDescribed,
  /** Some tools write it as text. */
  numTraining: z.unknown().optional(),
});

/** The endings of a scan's first channel and of label maps. */
const IMAGE_ENDING = channelEnding(0);
const LABELS_ENDING = '.nii.gz';

/** Lists the cases; reads no image. Throws InputError where what would be learnt from is missing, or left out by its name. */
export async function openDataset(folder: string): Promise<Dataset> {
  const path = join(folder, 'dataset.json');
  const described = await readJsonFile(path, description);
  const labels = labelsOf(described, path);
  const channelNames = channelNamesOf(described, path);
  await assertSpelling(folder);
  const { cases: labelled, notes } = await openLabelled(folder, labels, channelNames);
  const unlabelled = await openImages(join(folder, 'imagesUn'), channelNames);
  const test = await openImages(join(folder, 'imagesTs'), channelNames);
  const { numTraining } = described;
  if (numTraining !== undefined && Number(numTraining) !== labelled.length)
    notes.push(
      `${path}: numTraining is ${JSON.stringify(numTraining)}, imagesTr holds ${plural(labelled.length, 'case')}`,
    );
  return {
    folder,
    channelNames,
    labelled,
    unlabelled: unlabelled.cases,
    test: test.cases,
    ...labels,
    notes: [...notes, ...unlabelled.notes, ...test.notes],
  };
}

/**
 * The scans of a folder, by the names of their cases; none where there is no folder. Throws InputError where a scan lacks
 * one of these channels.
 */
export async function openImages(
  folder: string,
  channelNames: readonly string[],
): Promise<{ cases: UnlabelledCase[]; notes: string[] }> {
  const { files, leftOut } = await readScanFolder(folder, channelNames);
  return {
    cases: files.map(({ name, path }) => ({ name, image: path })),
    notes: leftOut.length ? [leftOutNote(folder, leftOut, IMAGE_ENDING)] : [],
  };
}

/** The first channels of a folder's scans. Throws InputError where one lacks another channel. */
async function readScanFolder(folder: string, channelNames: readonly string[]): Promise<CaseFolder> {
  const { files, leftOut } = await readImageFolder(folder, IMAGE_ENDING);
  const known = new Set(
    files.flatMap(({ path }) => channelFiles(path, channelNames)).map((path) => basename(path)),
  );
  return { files, leftOut: leftOut.filter((name) => !known.has(name)) };
}

/** Throws InputError where an image has no labels, or is left out by its name. */
async function openLabelled(
  folder: string,
  { ignoreLabel }: Labels,
  channelNames: readonly string[],
): Promise<{ cases: DatasetCase[]; notes: string[] }> {
  const [imagesTr, labelsTr] = [join(folder, 'imagesTr'), join(folder, 'labelsTr')];
  const images = await readScanFolder(imagesTr, channelNames);
  const labels = await readCaseFolder(labelsTr, LABELS_ENDING);
  if (images.leftOut.length) throw new InputError(leftOutNote(imagesTr, images.leftOut, IMAGE_ENDING));
  const pathOf = new Map(labels.files.map(({ name, path }) => [name, path]));
  const bare = images.files.filter(({ name }) => !pathOf.has(name));
  if (bare.length) {
    const others =
      bare.length > 1 ? `; so are those of ${listed(bare.slice(1).map(({ name }) => name))}` : '';
    const missing = join(labelsTr, `${bare[0]!.name}${LABELS_ENDING}`);
    throw new InputError(`${missing}: missing, though there is ${bare[0]!.path}${others}`);
  }
  for (const { name, path } of images.files) {
    assertScan(path);
    assertFile(pathOf.get(name)!);
  }
  const cases = images.files.map(({ name, path }) => {
    return { name, image: path, labels: pathOf.get(name)!, ignoreLabel };
  });
  const known = new Set(cases.map(({ name }) => name));
  const idle = labels.files.map(({ name }) => name).filter((name) => !known.has(name));
  const notes = labels.leftOut.length ? [leftOutNote(labelsTr, labels.leftOut, LABELS_ENDING)] : [];
  if (idle.length)
    notes.push(`${labelsTr}: ${plural(idle.length, 'label map')} without an image: ${listed(idle)}`);
  return { cases, notes };
}

/** The names of the channels by number. Throws InputError. */
export function channelNamesOf(
  { channel_names, modality }: Pick<z.infer<typeof description>, 'channel_names' | 'modality'>,
  path: string,
): readonly string[] {
  const channels = channel_names ?? modality ?? { 0: 'CT' };
  const count = Object.keys(channels).length;
  const names = Array.from({ length: count }, (_, channel) => channels[channel]!);
  if (!count || names.some((name) => name === undefined))
    throw new InputError(`${path}: ${channel_names ? 'channel_names' : 'modality'}: ${CHANNELS}`);
  return names;
}

/** Throws InputError where a folder is there under a name of other case. */
async function assertSpelling(folder: string): Promise<void> {
  const names = await namesIn(folder);
  for (const expected of ['imagesTr', 'labelsTr', 'imagesUn', 'imagesTs']) {
    const found = names.find((name) => name.toLowerCase() === expected.toLowerCase());
    if (found && !names.includes(expected))
      throw new InputError(`${join(folder, found)}: expected to be called ${expected}`);
  }
}

/** The labels that a dataset.json describes. Throws InputError. */
export const readLabels = async (path: string): Promise<Labels> =>
  labelsOf(await readJsonFile(path, description), path);

/** The names of those labels by id, background first. Throws InputError. */
export const readLabelNames = async (path: string): Promise<readonly string[]> =>
  (await readLabels(path)).labelNames;

function labelsOf({ labels, regions_class_order: order }: z.infer<typeof description>, path: string): Labels {
  if (Object.entries(labels).some(([name, ids]) => isIgnore(name) && Array.isArray(ids)))
    throw new InputError(`${path}: labels: ignore expects one id, not a list`);
  // By nnU-Net's rule a list makes regions of all labels where it holds several ids; one of a single id is that label.
  if (Object.values(labels).some((ids) => Array.isArray(ids) && ids.length > 1))
    return regionLabelsOf(labels, order ?? undefined, path);
  const asText = Object.entries(labels).find(
    ([name, id]) => typeof id === 'string' && /^\d+$/.test(id) && !/^\d+$/.test(name),
  );
  if (asText)
    throw new InputError(`${path}: labels: the id of ${asText[0]} is text, "${asText[1]}", not a number`);
  const all = Object.entries(labels)
    .map(([key, value]): [string, number] =>
      typeof value === 'string' ? [value, Number(key)] : [key, [value].flat()[0]!],
    )
    .sort((a, b) => a[1] - b[1]);
  const byId = all.filter(([name]) => !isIgnore(name));
  const [ignore, another] = all.filter(([name]) => isIgnore(name));
  if (another) throw new InputError(`${path}: labels expects one ignore label`);
  if (ignore && ignore[1] !== byId.length)
    throw new InputError(
      `${path}: labels: ${ignore[0]} expects the highest id, ${byId.length}, got ${ignore[1]}`,
    );
  if (byId.length < 2 || byId.length > MAX_CLASSES)
    throw new InputError(`${path}: labels expects the background and 1 to ${MAX_CLASSES - 1} organs`);
  if (byId.some(([, id], i) => id !== i))
    throw new InputError(`${path}: labels expects ids 0, 1, 2 …, each once`);
  const names = byId.map(([name]) => name);
  if (new Set(names).size < names.length) throw new InputError(`${path}: labels expects each name once`);
  return { labelNames: names, ignoreLabel: ignore?.[1] };
}

function regionLabelsOf(
  labels: z.infer<typeof description>['labels'],
  order: readonly number[] | undefined,
  path: string,
): Labels {
  const ids = new Map<string, readonly number[]>();
  let ignoreLabel: number | undefined;
  for (const [name, value] of Object.entries(labels)) {
    if (typeof value === 'string')
      throw new InputError(`${path}: labels: the id of ${name} is text, "${value}", not a number`);
    if (isIgnore(name)) ignoreLabel = [value].flat()[0];
    else if (value !== 0) ids.set(name, [value].flat());
  }
  const { labelNames, regions } = regionsOf(ids, order, path);
  if (ignoreLabel !== undefined && ignoreLabel !== labelNames.length)
    throw new InputError(
      `${path}: labels: ignore expects the highest id, ${labelNames.length}, got ${ignoreLabel}`,
    );
  return { labelNames, ignoreLabel, regions };
}

const isIgnore = (name: string): boolean => /^ignore$/i.test(name);
