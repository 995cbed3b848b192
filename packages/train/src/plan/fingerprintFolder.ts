/**
 * The folder of a fingerprint: `dataset_fingerprint.json` in nnU-Net's form, and in `cases` the record of each case, so
 * that a case that has not changed is read once.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { LOCK, whileLocked } from '@organseg/files/lock.ts';
import { namesIn } from '@organseg/files/read.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import {
  caseRecordOf,
  filesOf,
  type KeptRecord,
  keptRecord,
  type PlannedCase,
  SAMPLES,
} from './caseRecord.ts';
import { FINGERPRINT, type Fingerprint, FingerprintGatherer } from './fingerprint.ts';
import type { PlannedDataset } from './plannedDataset.ts';
import { recordCases } from './recordPool.ts';

const CASES = 'cases';

export interface FingerprintHooks {
  /** Told how many cases are known, after each. */
  readonly onCase?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Takes the fingerprint of a data set, and keeps it in the folder. What was read before an interruption is not read
 * again. Throws InputError where a case is broken or holds a label that dataset.json does not name, the folder is
 * another's, or another process is at work in it.
 */
export async function fingerprintOf(
  dataset: PlannedDataset,
  folder: string,
  { onCase, signal }: FingerprintHooks = {},
): Promise<Fingerprint> {
  await assertOwn(folder);
  return await whileLocked(folder, async () => {
    await makeFolder(join(folder, CASES));
    const { cases, channelNames } = dataset;
    const unread: PlannedCase[] = [];
    for (const source of cases) if (!(await keptOf(folder, source, channelNames))) unread.push(source);
    let done = cases.length - unread.length;
    onCase?.(done);
    const keep = async ({ name }: PlannedCase, record: KeptRecord) => {
      await writeWhole(pathOf(folder, name), `${JSON.stringify(record)}\n`);
      onCase?.(++done);
    };
    await recordCases(unread, channelNames, keep, signal);
    const gatherer = new FingerprintGatherer(cases.length, channelNames.length, SAMPLES);
    for (const { name, labels: path } of cases) {
      const record = caseRecordOf(await readJsonFile(pathOf(folder, name), keptRecord));
      const unknown = record.labels.find((id) => !dataset.labelIds.has(id));
      if (unknown !== undefined)
        throw new InputError(`${path}: holds label ${unknown}, which dataset.json does not name`);
      gatherer.add(record);
    }
    const fingerprint = gatherer.finish();
    await writeWhole(join(folder, FINGERPRINT), `${JSON.stringify(fingerprint, null, 4)}\n`);
    return fingerprint;
  });
}

const pathOf = (folder: string, name: string) => join(folder, CASES, `${name}.json`);

/** The record of a case where one is kept, and its files are as they were. */
async function keptOf(
  folder: string,
  source: PlannedCase,
  channelNames: readonly string[],
): Promise<KeptRecord | undefined> {
  const path = pathOf(folder, source.name);
  if (!existsSync(path)) return undefined;
  let record: KeptRecord;
  try {
    record = await readJsonFile(path, keptRecord);
  } catch (error) {
    if (error instanceof InputError) return undefined; // damaged, or of another version
    throw error;
  }
  const now = JSON.stringify([channelNames, await filesOf(source)]);
  return JSON.stringify([record.channelNames, record.files]) === now ? record : undefined;
}

/** Throws InputError where the folder holds what no fingerprint is made of, or a fingerprint that something else made. */
async function assertOwn(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  const names = await namesIn(folder);
  const own = names.includes(CASES) ? [CASES, FINGERPRINT, LOCK] : [LOCK];
  const other = names.find((name) => !own.includes(name));
  if (other) throw new InputError(`${folder}: holds ${other}; choose another folder for --fingerprint`);
}
