/** The files of a stored zip, by its central directory, each unpacked as it is read. */
import { configure, type Entry, type FileEntry, Reader, ZipReader } from '@zip.js/zip.js/index-native.js';
import { Problem } from '../http/problem.ts';
import type { Blobs } from '../store/blobs.ts';
import { collected, limited } from './body.ts';
import { type CaseFile, printable, readFileName } from './fileNames.ts';

configure({ useWebWorkers: false });

export interface ZippedFile extends CaseFile {
  /** As the zip has it. */
  readonly path: string;
  /** The unpacked bytes; the checksum is compared at the end. */
  open(): AsyncGenerator<Uint8Array>;
}

export interface ZipLimits {
  readonly maxZipEntries: number;
  /** Of one file when unpacked. */
  readonly maxMaskBytes: number;
}

/** Lists what a stored zip of `size` bytes holds, without clutter and folders. Throws Problem 413 or 422. */
export async function zipFiles(
  blobs: Blobs,
  key: string,
  size: number,
  limits: ZipLimits,
): Promise<ZippedFile[]> {
  const zip = new ZipReader(new StoredBytes(blobs, key, size), {
    checkSignature: true,
    checkOverlappingEntry: true,
  });
  const files: ZippedFile[] = [];
  let count = 0;
  try {
    for await (const entry of zip.getEntriesGenerator()) {
      if (++count > limits.maxZipEntries) {
        throw new Problem(413, `the zip has more than ${limits.maxZipEntries} entries`);
      }
      const file = fileOf(entry, limits.maxMaskBytes);
      if (file) files.push(file);
    }
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(422, `the zip is broken: ${reasonOf(error)}`);
  }
  return files;
}

function fileOf(entry: Entry, maxBytes: number): ZippedFile | null {
  const path = entry.filename;
  const named = readFileName(entry.directory ? `${path.replace(/\/$/, '')}/.folder` : path);
  if (!named || entry.directory) return null;
  if (entry.encrypted) throw new Problem(422, `${printable(path)}: is encrypted`);
  const tooLarge = () => new Problem(413, `${printable(path)}: unpacks to more than ${maxBytes} bytes`);
  if (entry.uncompressedSize > maxBytes) throw tooLarge();
  return { ...named, path: printable(path), open: () => limited(entryBytes(entry), maxBytes, tooLarge) };
}

async function* entryBytes(entry: FileEntry): AsyncGenerator<Uint8Array> {
  let controller!: TransformStreamDefaultController<Uint8Array>;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    start: (own) => {
      controller = own;
    },
  });
  const end = new AbortController();
  const written = entry.getData(writable, { signal: end.signal });
  // The library leaves the stream open where it fails before the first byte.
  written.catch((error) => controller.error(error));
  const reader = readable.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    await written;
  } catch (error) {
    throw new Problem(422, `${printable(entry.filename)}: the zip is broken: ${reasonOf(error)}`);
  } finally {
    end.abort();
    await reader.cancel().catch(() => {});
  }
}

/** One line, whatever was thrown. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0].slice(0, 200) || 'unreadable';

class StoredBytes extends Reader<string> {
  readonly #blobs: Blobs;
  readonly #key: string;

  constructor(blobs: Blobs, key: string, size: number) {
    super(key);
    this.#blobs = blobs;
    this.#key = key;
    this.size = size;
  }

  override async readUint8Array(index: number, length: number): Promise<Uint8Array> {
    const wanted = Math.min(length, this.size - index);
    return wanted > 0 ? collected(this.#blobs.get(this.#key, index, wanted)) : new Uint8Array();
  }
}
