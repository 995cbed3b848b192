/** A data set as planning sees it, also one whose labels cannot be trained on, such as regions without an order. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { assertScan, readImageFolder } from '@organseg/files/caseFolder.ts';
import { channelEnding, channelFiles } from '@organseg/files/channels.ts';
import { channelNamesOf, scansDescribed } from '@organseg/files/dataset.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { assertFile } from '@organseg/files/read.ts';
import { z } from 'zod';
import type { PlannedCase } from './caseRecord.ts';

export interface PlannedDataset {
  readonly channelNames: readonly string[];
  /** Number of names in dataset.json, the background, regions and `ignore` included. */
  readonly labels: number;
  /** The ids that it names, and that of the background. */
  readonly labelIds: ReadonlySet<number>;
  readonly cases: readonly PlannedCase[];
}

const LABELS = 'expects names with ids, or with lists of ids';

const FIRST_CHANNEL = channelEnding(0);

const description = z.looseObject({
  labels: z.record(z.string(), z.union([z.int(), z.string(), z.array(z.int())], LABELS), LABELS),
  ...scansDescribed,
});

/** Lists the training cases; reads no image. Throws InputError where a channel or a label map of one is missing. */
export async function openPlannedDataset(folder: string): Promise<PlannedDataset> {
  const path = join(folder, 'dataset.json');
  const described = await readJsonFile(path, description);
  const channelNames = channelNamesOf(described, path);
  const images = join(folder, 'imagesTr');
  const first = await readImageFolder(images, FIRST_CHANNEL);
  const cases = first.files.map(({ name, path }) => ({
    name,
    images: channelFiles(path, channelNames),
    labels: join(folder, 'labelsTr', `${name}.nii.gz`),
  }));
  if (!cases.length) throw new InputError(`${images}: holds no image named CASE${FIRST_CHANNEL}`);
  for (const each of cases) assertComplete(each);
  // nnU-Net's first version has ids before names.
  const ids = Object.entries(described.labels).flatMap(([key, ids]) =>
    typeof ids === 'string' ? Number(key) : ids,
  );
  return {
    channelNames,
    labels: Object.keys(described.labels).length,
    labelIds: new Set([0, ...ids]),
    cases,
  };
}

function assertComplete({ images, labels }: PlannedCase): void {
  if (!existsSync(labels)) throw new InputError(`${labels}: missing, though there is ${images[0]}`);
  assertFile(labels);
  for (const path of images) assertScan(path);
}
