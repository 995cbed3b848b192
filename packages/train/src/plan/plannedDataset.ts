/** A data set as planning sees it, also one whose labels cannot be trained on, such as regions without an order. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { plural } from '@organseg/core/words.ts';
import { assertScan, leftOutNote, readImageFolder } from '@organseg/files/caseFolder.ts';
import { channelEnding, channelFiles } from '@organseg/files/channels.ts';
import { channelNamesOf, scansDescribed } from '@organseg/files/datasetDescription.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { assertFile } from '@organseg/files/read.ts';
import { z } from 'zod';
import type { PlannedCase } from './caseRecord.ts';
import { FINGERPRINT, type Fingerprint, fingerprintSchema } from './fingerprint.ts';

export interface PlannedDataset {
  readonly channelNames: readonly string[];
  /** Number of names in dataset.json, the background, regions and `ignore` included. */
  readonly labels: number;
  /** The ids that it names, and that of the background. */
  readonly labelIds: ReadonlySet<number>;
  readonly cases: readonly PlannedCase[];
  /** Number of training cases that dataset.json states, by which nnU-Net plans the batch; undefined where it states none. */
  readonly statedCases: number | undefined;
  /** The fingerprint that lies beside dataset.json in place of scans, as nnU-Net keeps both; undefined where there are scans. */
  readonly fingerprint: Fingerprint | undefined;
}

const LABELS = 'expects names with ids, or with lists of ids';

const FIRST_CHANNEL = channelEnding(0);

const description = z.looseObject({
  labels: z.record(z.string(), z.union([z.int(), z.string(), z.array(z.int())], LABELS), LABELS),
  /** Some tools write it as text. */
  numTraining: z.coerce.number().int().positive().optional().catch(undefined),
  ...scansDescribed,
});
/** That of a data set whose scans are not read, whatever their format. */
const withoutScans = description.extend({ file_ending: z.unknown() });

/**
 * Lists the training cases, or reads the fingerprint where there is one in place of imagesTr; reads no image. Throws
 * InputError where a channel or a label map of a case is missing, or the fingerprint has other channels.
 */
export async function openPlannedDataset(folder: string): Promise<PlannedDataset> {
  const path = join(folder, 'dataset.json');
  const images = join(folder, 'imagesTr');
  const hasFingerprint = !existsSync(images) && existsSync(join(folder, FINGERPRINT));
  const described = hasFingerprint
    ? await readJsonFile(path, withoutScans)
    : await readJsonFile(path, description);
  const channelNames = channelNamesOf(described, path);
  // nnU-Net's first version has ids before names.
  const ids = Object.entries(described.labels).flatMap(([key, ids]) =>
    typeof ids === 'string' ? Number(key) : ids,
  );
  return {
    channelNames,
    labels: Object.keys(described.labels).length,
    labelIds: new Set([0, ...ids]),
    statedCases: described.numTraining,
    ...(hasFingerprint
      ? { cases: [], fingerprint: await readFingerprint(join(folder, FINGERPRINT), channelNames) }
      : { cases: await casesIn(folder, channelNames), fingerprint: undefined }),
  };
}

async function casesIn(folder: string, channelNames: readonly string[]): Promise<PlannedCase[]> {
  const images = join(folder, 'imagesTr');
  const { files, leftOut } = await readImageFolder(images, FIRST_CHANNEL);
  if (!files.length)
    throw new InputError(
      leftOut.length
        ? leftOutNote(images, leftOut, FIRST_CHANNEL)
        : `${images}: holds no image named CASE${FIRST_CHANNEL}`,
    );
  const cases = files.map(({ name, path }) => ({
    name,
    images: channelFiles(path, channelNames),
    labels: join(folder, 'labelsTr', `${name}.nii.gz`),
  }));
  for (const each of cases) assertComplete(each);
  return cases;
}

async function readFingerprint(path: string, channelNames: readonly string[]): Promise<Fingerprint> {
  const fingerprint = await readJsonFile(path, fingerprintSchema);
  const { length } = Object.keys(fingerprint.foreground_intensity_properties_per_channel);
  if (length !== channelNames.length)
    throw new InputError(
      `${path}: has ${plural(length, 'channel')}, dataset.json names ${channelNames.join(', ')}`,
    );
  return fingerprint;
}

function assertComplete({ images, labels }: PlannedCase): void {
  if (!existsSync(labels)) throw new InputError(`${labels}: missing, though there is ${images[0]}`);
  assertFile(labels);
  for (const path of images) assertScan(path);
}
