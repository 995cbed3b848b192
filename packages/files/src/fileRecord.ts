/** Records of files: what tells later whether a file is still the one that something was made from. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import { asInputError } from './errors.ts';
import type { FileFacts, FileRecord } from './fileFacts.ts';
import { assertFile, statOf } from './read.ts';

/** Throws InputError. */
export async function factsOf(path: string): Promise<FileFacts> {
  const { size, mtimeMs } = await statOf(path);
  return { bytes: size, modifiedMs: mtimeMs };
}

/** Throws InputError where a file has changed since these facts were told of it. */
export async function assertAsBefore(path: string, before: FileFacts): Promise<void> {
  const { bytes, modifiedMs } = await factsOf(path);
  if (bytes !== before.bytes || modifiedMs !== before.modifiedMs)
    throw new InputError(`${path}: has changed while it was read`);
}

/** The SHA-256 of a file, read as a stream. Throws InputError. */
export async function sha256Of(path: string): Promise<string> {
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
