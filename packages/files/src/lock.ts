/**
 * Folders that belong to one process while it works in them.
 *
 * `FOLDER/lock` is a folder with one empty file, whose name says who holds it: PID.STARTED.NAMESPACE@HOST. Each change
 * of hands is a single rename, so that of several processes one gets it: a folder prepared aside takes the place of
 * none or of an empty one, and the file of a process that is gone is renamed to the next holder's name.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { asInputError } from './errors.ts';
import { isAlive, isNear, ownName, processOf } from './processName.ts';
import { renameOver } from './rename.ts';
import { makeFolder } from './write.ts';

/** Of what stands in a folder while it is locked. */
export const LOCK = 'lock';

/**
 * Makes the folder where it is not there yet, and keeps other processes out of it during the work. A lock whose
 * process is gone does not count; a folder that was made and stays empty is removed. Throws InputError where another
 * process, or this one, holds the folder.
 */
export async function whileLocked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const isNew = !existsSync(folder);
  await makeFolder(folder);
  const unlock = lock(folder);
  const release = () => {
    unlock();
    if (isNew) removeEmpty(folder); // what was refused leaves nothing behind
  };
  process.once('exit', release); // a second Ctrl-C ends the process in the middle of the work
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** Takes the lock; returns what lets go of it. */
function lock(folder: string): () => void {
  const path = join(folder, LOCK);
  const own = ownName();
  const aside = `${path}.${randomUUID()}`;
  try {
    mkdirSync(aside);
    writeFileSync(join(aside, own), '');
    while (!tryRename(aside, path)) {
      const [name] = namesIn(path);
      if (name === undefined) {
        removeEmpty(path); // its holder is letting go of it, or ended before it had
        continue;
      }
      assertGone(name, folder);
      if (tryRename(join(path, name), join(path, own))) break;
    }
  } catch (error) {
    throw asInputError(error, path);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return () => {
    rmSync(join(path, own), { force: true });
    removeEmpty(path);
  };
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It holds something, another process's lock perhaps, or is gone.
  }
}

/** Whether the rename was the first: false where its source is gone or its target is taken. */
function tryRename(from: string, to: string): boolean {
  // Of a target that is taken Windows says what it says of a source that is looked at.
  const isTaken = () => process.platform === 'win32' && existsSync(to);
  if (isTaken()) return false;
  try {
    renameOver(from, to);
    return true;
  } catch (error) {
    if (['ENOENT', 'EEXIST', 'ENOTEMPTY'].includes(codeOf(error)) || isTaken()) return false;
    throw error;
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Throws InputError unless the process that holds the folder is known to be gone. */
function assertGone(name: string, folder: string): void {
  const holder = processOf(name);
  if (!holder)
    throw new InputError(
      `${folder} is locked by ${join(folder, LOCK, name)}; remove it if that is left over`,
    );
  const { pid, host, started } = holder;
  const end = `; if that one has ended, remove ${join(folder, LOCK)}`;
  if (!isNear(holder)) throw new InputError(`${folder} is in use by process ${pid} on ${host}${end}`);
  // Where nothing tells when processes started, another may have come by this id.
  if (isAlive(holder)) throw new InputError(`${folder} is in use by process ${pid}${started ? '' : end}`);
}

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);
