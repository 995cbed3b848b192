/** What is packed in a zip, unpacked by Node's zlib; to be read at any place, into a temporary file first. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { asInputError } from './errors.ts';
import type { OpenBytes } from './openBytes.ts';
import { OpenFile } from './openFile.ts';
import { storedBytes, unpackedBy, type ZipEntry } from './zip.ts';

const CHUNK_BYTES = 1 << 20;

/**
 * The bytes of an entry at any place: where they lie if they are stored, and closing them closes the zip; else in a
 * temporary file that is gone once they are closed. Throws InputError.
 */
export async function openEntry(zip: OpenBytes, entry: ZipEntry): Promise<OpenBytes> {
  if (entry.method === 0 || entry.isEncrypted) return storedBytes(zip, entry);
  const folder = await mkdtemp(join(tmpdir(), 'organseg-')).catch((error) => {
    throw asInputError(error, tmpdir());
  });
  try {
    const aside = join(folder, 'unpacked');
    await writeFile(aside, unpacked(zip, entry));
    const file = new OpenFile(aside, `${zip.path}: ${entry.name}`);
    zip.close();
    return file; // it lives on without a name
  } catch (error) {
    throw asInputError(error, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The unpacked bytes of an entry; its size and checksum are compared at the end. Throws InputError. */
export const unpacked = (zip: OpenBytes, entry: ZipEntry): AsyncGenerator<Uint8Array> =>
  unpackedBy({ inflate: inflated, crc32 }, zip, entry);

function inflated(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const codec = createInflateRaw({ chunkSize: CHUNK_BYTES });
  pipeline(packed, codec, () => {}); // whoever reads the codec hears of faults
  return codec;
}
