/**
 * A data set in nnU-Net's layout: dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, imagesTs,
 * labelsTs, and imagesUn for unlabelled scans.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { z } from 'zod';
import { readJsonFile } from './json.ts';

/** Labels are bytes. */
export const MAX_CLASSES = 255;

export interface DatasetCase {
  readonly name: string;
  readonly image: string;
  readonly labels: string;
}
export type UnlabelledCase = Omit<DatasetCase, 'labels'>;

export interface Dataset {
  readonly folder: string;
  /** By name; each list sorted. */
  readonly labelled: readonly DatasetCase[];
  readonly unlabelled: readonly UnlabelledCase[];
  /** Labels are there or not. */
  readonly test: readonly UnlabelledCase[];
  /** Names by id, background first. */
  readonly labelNames: readonly string[];
}

/** nnU-Net's description of a data set; that of its first version has ids before names, and modalities. */
const description = z.looseObject({
  labels: z.union(
    [z.record(z.string(), z.int().nonnegative()), z.record(z.string(), z.string())],
    'expects names with ids (or ids with names, as nnU-Net v1)',
  ),
  file_ending: z.literal('.nii.gz', 'only .nii.gz is read').optional(),
  channel_names: z.record(z.string(), z.string()).optional(),
  modality: z.record(z.string(), z.string()).optional(),
});

/** Lists the cases; reads no image. Throws InputError at the first thing that is missing. */
export async function openDataset(folder: string): Promise<Dataset> {
  const path = join(folder, 'dataset.json');
  const described = await readJsonFile(path, description);
  const labelNames = labelNamesOf(described, path);
  const channels = described.channel_names ?? described.modality;
  if (channels && Object.keys(channels).length !== 1)
    throw new InputError(`${path}: channel_names expects one channel`);
  const labelled = (await images(join(folder, 'imagesTr'))).map(({ name, image }) => {
    const labels = join(folder, 'labelsTr', `${name}.nii.gz`);
    if (!existsSync(labels)) throw new InputError(`${labels}: missing, though there is ${image}`);
    return { name, image, labels };
  });
  const unlabelled = await images(join(folder, 'imagesUn'));
  const test = await images(join(folder, 'imagesTs'));
  return { folder, labelled, unlabelled, test, labelNames };
}

/** The labels' names by id, background first, as a dataset.json has them. Throws InputError. */
export const readLabelNames = async (path: string): Promise<string[]> =>
  labelNamesOf(await readJsonFile(path, description), path);

function labelNamesOf({ labels }: z.infer<typeof description>, path: string): string[] {
  const asText = Object.entries(labels).find(([name, id]) => /^\d+$/.test(String(id)) && !/^\d+$/.test(name));
  if (typeof asText?.[1] === 'string')
    throw new InputError(`${path}: labels: the id of ${asText[0]} is text, "${asText[1]}", not a number`);
  const byId = Object.entries(labels)
    .map(([key, value]): [string, number] =>
      typeof value === 'number' ? [key, value] : [value, Number(key)],
    )
    .sort((a, b) => a[1] - b[1]);
  if (byId.length < 2 || byId.length > MAX_CLASSES)
    throw new InputError(`${path}: labels expects the background and 1 to ${MAX_CLASSES - 1} organs`);
  if (byId.some(([, id], i) => id !== i))
    throw new InputError(`${path}: labels expects ids 0, 1, 2 …, each once`);
  const names = byId.map(([name]) => name);
  if (new Set(names).size < names.length) throw new InputError(`${path}: labels expects each name once`);
  return names;
}

const CHANNEL = '_0000.nii.gz';

/** Files named CASE_0000.nii.gz in a folder, by name; none where there is no folder. */
export async function images(folder: string): Promise<UnlabelledCase[]> {
  if (!existsSync(folder)) return [];
  const files = (await readdir(folder))
    .filter((file) => file.endsWith(CHANNEL) && !file.startsWith('.'))
    .sort();
  return files.map((file) => ({ name: file.slice(0, -CHANNEL.length), image: join(folder, file) }));
}
