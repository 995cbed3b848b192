/** Blobs as files of a folder. A file is written aside, synced and renamed: under its key it is whole or not there. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOB_FOLDERS, type Blobs } from '../store/blobs.ts';

export async function folderBlobs(root: string): Promise<Blobs> {
  for (const folder of [...BLOB_FOLDERS, 'incoming']) await mkdir(join(root, folder), { recursive: true });
  const pathOf = (key: string) => join(root, key);

  return {
    async put(key, bytes) {
      const aside = join(root, 'incoming', crypto.randomUUID());
      let count = 0;
      try {
        const file = await open(aside, 'wx');
        try {
          for await (const chunk of bytes) {
            await file.writeFile(chunk);
            count += chunk.length;
          }
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(aside, pathOf(key));
        await syncFolder(join(pathOf(key), '..'));
        return count;
      } catch (error) {
        await rm(aside, { force: true });
        throw error;
      }
    },
    async *get(key, start = 0, length = Infinity) {
      yield* createReadStream(pathOf(key), { start, end: start + length - 1, highWaterMark: 256 << 10 });
    },
    async delete(keys) {
      for (const key of keys) await rm(pathOf(key), { force: true });
    },
    async *list(folder) {
      for (const name of await readdir(join(root, folder))) {
        const found = await stat(join(root, folder, name)).catch(() => null);
        if (found) yield { key: `${folder}/${name}`, storedAt: found.mtime };
      }
    },
  };
}

/** Removes what a process that died left half-written. Nothing may be writing meanwhile. */
export async function dropIncoming(root: string): Promise<void> {
  await rm(join(root, 'incoming'), { recursive: true, force: true });
  await mkdir(join(root, 'incoming'), { recursive: true });
}

/** A rename outlasts a power cut only when the folder is synced too, which Windows does not let anybody ask for. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
