/** A data set as planning sees it: of any channels, which training may not know yet. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { assertScan, readImageFolder } from '@organseg/files/caseFolder.ts';
import { channelFiles } from '@organseg/files/channels.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { assertFile } from '@organseg/files/read.ts';
import { z } from 'zod';
import type { PlannedCase } from './caseRecord.ts';

export interface PlannedDataset {
  readonly folder: string;
  readonly channelNames: readonly string[];
  /** Number of names in dataset.json, the background, regions and `ignore` included. */
  readonly labels: number;
  /** Names of regions: labels that stand for several ids. */
  readonly regions: readonly string[];
  readonly cases: readonly PlannedCase[];
}

const CHANNELS = 'expects names by the channels’ numbers, such as {"0": "CT", "1": "PET"}';
const LABELS = 'expects names with ids, or with lists of ids';

const names = z.record(z.string(), z.string(), CHANNELS);
const description = z.looseObject({
  labels: z.record(z.string(), z.union([z.int(), z.string(), z.array(z.int())], LABELS), LABELS),
  file_ending: z.literal('.nii.gz', 'only .nii.gz is read').optional(),
  channel_names: names.optional(),
  modality: names.optional(),
});

/** Lists the training cases; reads no image. Throws InputError where a channel or a label map of one is missing. */
export async function openPlannedDataset(folder: string): Promise<PlannedDataset> {
  const path = join(folder, 'dataset.json');
  const { labels, channel_names, modality } = await readJsonFile(path, description);
  const channels = channel_names ?? modality ?? { 0: 'CT' };
  const numbers = Object.keys(channels);
  if (!numbers.length || numbers.some((_, channel) => !(channel in channels)))
    throw new InputError(`${path}: channel_names ${CHANNELS}`);
  const channelNames = numbers.map((_, channel) => channels[channel]!);
  const images = join(folder, 'imagesTr');
  const first = await readImageFolder(images, FIRST_CHANNEL);
  const cases = first.files.map(({ name, path }) => ({
    name,
    images: channelFiles(path, channelNames),
    labels: join(folder, 'labelsTr', `${name}.nii.gz`),
  }));
  if (!cases.length) throw new InputError(`${images}: holds no image named CASE${FIRST_CHANNEL}`);
  for (const each of cases) assertComplete(each);
  const regions = Object.entries(labels).filter(([, ids]) => Array.isArray(ids) && ids.length > 1);
  return {
    folder,
    channelNames,
    labels: Object.keys(labels).length,
    regions: regions.map(([name]) => name),
    cases,
  };
}

const FIRST_CHANNEL = '_0000.nii.gz';

function assertComplete({ images, labels }: PlannedCase): void {
  if (!existsSync(labels)) throw new InputError(`${labels}: missing, though there is ${images[0]}`);
  assertFile(labels);
  for (const path of images) assertScan(path);
}
