/**
 * Records of files: what tells later whether a file is still the one that something was made from. A folder of DICOM
 * slices has one record for all files in it.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { relative } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { filesBelow } from './dicomFolder.ts';
import { asInputError } from './errors.ts';
import type { FileFacts, FileRecord } from './fileFacts.ts';
import { assertFile, statOf } from './read.ts';

/** The facts of a file, or of a folder's files: their bytes, and when one was last changed, added or removed. Throws InputError. */
export async function factsOf(path: string): Promise<FileFacts> {
  const found = await statOf(path);
  if (!found.isDirectory()) return { bytes: found.size, modifiedMs: found.mtimeMs };
  let [bytes, modifiedMs] = [0, found.mtimeMs];
  for (const file of await filesBelow(path)) {
    const { size, mtimeMs } = await statOf(file);
    bytes += size;
    modifiedMs = Math.max(modifiedMs, mtimeMs);
  }
  return { bytes, modifiedMs };
}

/** Throws InputError where a file has changed since these facts were told of it. */
export async function assertAsBefore(path: string, before: FileFacts): Promise<void> {
  const { bytes, modifiedMs } = await factsOf(path);
  if (bytes !== before.bytes || modifiedMs !== before.modifiedMs)
    throw new InputError(`${path}: has changed while it was read`);
}

/** The SHA-256 of a file, read as a stream; of a folder that of its files' names and digests. Throws InputError. */
export async function sha256Of(path: string): Promise<string> {
  if ((await statOf(path)).isDirectory()) {
    const whole = createHash('sha256');
    for (const file of await filesBelow(path))
      whole.update(`${relative(path, file).replaceAll('\\', '/')}\0${await sha256Of(file)}\n`);
    return whole.digest('hex');
  }
  assertFile(path);
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  } catch (error) {
    throw asInputError(error, path);
  }
  return hash.digest('hex');
}

/** Throws InputError. */
export async function recordOf(path: string): Promise<FileRecord> {
  return { ...(await factsOf(path)), sha256: await sha256Of(path) };
}

/** Whether a file holds what it held when it was recorded. It is read only where its time changed and its size did not. */
export async function isAsRecorded(path: string, record: FileRecord): Promise<boolean> {
  const facts = await factsOf(path).catch(() => null);
  if (facts?.bytes !== record.bytes) return false;
  return facts.modifiedMs === record.modifiedMs || (await sha256Of(path)) === record.sha256;
}
