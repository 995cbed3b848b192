/** What is packed in a zip, unpacked by Node's zlib; to be read at any place, into a temporary file first. */
import { type FileHandle, mkdtemp, open, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { InputError } from '@organseg/core/inputError.ts';
import { asInputError } from './errors.ts';
import type { OpenBytes } from './openBytes.ts';
import { OpenFile } from './openFile.ts';
import { storedBytes, unpackedBy, type ZipEntry } from './zip.ts';

const CHUNK_BYTES = 1 << 20;

/**
 * The bytes of an entry at any place: where they lie if they are stored, and closing them closes the zip; else in a
 * temporary file without a name, which is gone once they are closed or this process ends. Throws InputError.
 */
export async function openEntry(zip: OpenBytes, entry: ZipEntry): Promise<OpenBytes> {
  if (entry.method === 0 || entry.isEncrypted) return storedBytes(zip, entry);
  const path = `${zip.path}: ${entry.name}`;
  try {
    await assertRoom(path, entry.size);
    const { file, writable } = await namelessFile(path, entry.size);
    try {
      await writable.writeFile(unpacked(zip, entry));
    } catch (error) {
      file.close();
      throw error;
    } finally {
      await writable.close();
    }
    zip.close();
    return file;
  } catch (error) {
    throw asInputError(error, tmpdir());
  }
}

/** The variable that names the folder for temporary files. */
const VARIABLE = process.platform === 'win32' ? 'TEMP' : 'TMPDIR';

/** Throws InputError where the folder for temporary files has less room than so many bytes. */
async function assertRoom(path: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  if (size > bavail * bsize)
    throw new InputError(
      `${path}: is ${size} bytes unpacked, ${tmpdir()} has room for ${bavail * bsize}; ${VARIABLE} names another folder`,
    );
}

/** A temporary file of a size, to be written and read, whose name is gone already. */
async function namelessFile(
  shown: string,
  size: number,
): Promise<{ readonly file: OpenFile; readonly writable: FileHandle }> {
  const folder = await mkdtemp(join(tmpdir(), 'organseg-'));
  try {
    const name = join(folder, 'unpacked');
    await writeFile(name, '');
    await truncate(name, size);
    const file = new OpenFile(name, shown);
    return { file, writable: await open(name, 'r+') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The unpacked bytes of an entry, never more than its directory says. Throws InputError. */
export const unpacked = (zip: OpenBytes, entry: ZipEntry): AsyncGenerator<Uint8Array> =>
  unpackedBy({ inflate: inflated, crc32 }, zip, entry);

function inflated(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const codec = createInflateRaw({ chunkSize: CHUNK_BYTES });
  pipeline(packed, codec, () => {}); // whoever reads the codec hears of faults
  return codec;
}
