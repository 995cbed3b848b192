/**
 * Names of files and folders that are written aside, beside what they become, and what killed processes left of them.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isAlive, isNear, ownName, processOf } from './processName.ts';

/** The name of a file aside: PROCESS.NUMBER.part. */
const ASIDE = /^(.*)\.[0-9a-f]{8}\.part$/;

/** Whether a file of this name is written aside, or was left so. */
export const isAside = (name: string): boolean => ASIDE.test(name);

/** The folders in which this process has looked for what others left. */
const swept = new Set<string>();

/**
 * A path in the folder of `path` that no other file has, to be opened exclusively and renamed when it is whole. What
 * stands aside in that folder, and whose process is gone, is removed.
 */
export function asideOf(path: string): string {
  const folder = dirname(path);
  if (!swept.has(folder)) sweep(folder);
  swept.add(folder);
  return join(folder, `${ownName()}.${randomUUID().slice(0, 8)}.part`);
}

function sweep(folder: string): void {
  for (const name of namesIn(folder)) {
    const writer = processOf(ASIDE.exec(name)?.[1] ?? '');
    if (writer && isNear(writer) && !isAlive(writer))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // whoever writes there says what is wrong
  }
}
