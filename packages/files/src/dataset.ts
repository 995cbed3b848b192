/**
 * A data set in nnU-Net's layout: dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, imagesTs,
 * labelsTs, and imagesUn for unlabelled scans. A scan may be a folder of DICOM slices instead: imagesTr/CASE.
 */
import { basename, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { listed, plural } from '@organseg/core/words.ts';
import {
  assertScan,
  type CaseFile,
  type CaseFolder,
  leftOutNote,
  readCaseFolder,
  readImageFolder,
} from './caseFolder.ts';
import { channelEnding, channelFiles } from './channels.ts';
import { channelNamesOf, description, type Labels, labelsOf } from './datasetDescription.ts';
import { readJsonFile } from './json.ts';
import { assertFile, namesIn } from './read.ts';

export interface DatasetCase {
  readonly name: string;
  /** The file of the first channel; those of the others are named after it, see channels.ts. */
  readonly image: string;
  readonly labels: string;
  /** The label of voxels that nothing is known of; undefined where there is none. */
  readonly ignoreLabel?: number | undefined;
}
export type UnlabelledCase = Pick<DatasetCase, 'name' | 'image'>;

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
    const [first] = bare as [CaseFile];
    const missing = join(labelsTr, `${first.name}${LABELS_ENDING}`);
    const otherwise = labels.files.find(({ name }) => name.toLowerCase() === first.name.toLowerCase());
    const hint = otherwise ? `, and ${otherwise.path}, of other case` : '';
    throw new InputError(`${missing}: missing, though there is ${first.path}${hint}${others}`);
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
