/** Renames that replace a file. */
import { renameSync } from 'node:fs';

const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 1280;

const neverWoken = new Int32Array(new SharedArrayBuffer(4));

/**
 * Gives a file the name of another, which it replaces, or a folder a new name. Windows refuses that while a virus
 * scanner or an indexer looks at what is renamed or replaced: there it is asked again for some seconds. Throws what the
 * operating system refuses.
 */
export function renameOver(from: string, to: string): void {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const isHeld = ['EPERM', 'EACCES', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (process.platform !== 'win32' || !isHeld || waitMs > LONGEST_WAIT_MS) throw error;
      Atomics.wait(neverWoken, 0, 0, waitMs);
    }
  }
}
