/** The files of a stored zip, by its central directory, each unpacked as it is read. */
import {
  configure,
  ERR_UNSUPPORTED_COMPRESSION,
  type FileEntry,
  Reader,
  ZipReader,
} from '@zip.js/zip.js/index-native.js';
import { Problem } from '../http/problem.ts';
import type { Blobs } from '../store/blobs.ts';
import { collected, limited } from './body.ts';
import { type CaseFile, type NamedFile, printable } from './fileNames.ts';

configure({ useWebWorkers: false });

export interface ZippedFile extends CaseFile {
  /** The file's path in the zip, as messages show it. */
  readonly path: string;
  /** The unpacked bytes; the checksum is compared at the end. */
  open(): AsyncGenerator<Uint8Array>;
}

export interface ZipLimits {
  readonly maxZipEntries: number;
  /** The bytes of one file when unpacked. */
  readonly maxMaskBytes: number;
}

/**
 * Lists what a stored zip of `size` bytes holds, without clutter and folders: its masks and logs, and the paths of the
 * other files. `read` reads a path's name and may throw. Throws Problem 413 or 422.
 */
export async function zipFiles(
  blobs: Blobs,
  key: string,
  size: number,
  limits: ZipLimits,
  read: (path: string) => NamedFile,
): Promise<{ files: ZippedFile[]; passedOver: string[] }> {
  const zip = new ZipReader(new StoredBytes(blobs, key, size), {
    checkSignature: true,
    checkOverlappingEntry: true,
    // `read` names the one that is at fault.
    filenameValidation: 'tolerant',
  });
  const files: ZippedFile[] = [];
  const passedOver: string[] = [];
  let count = 0;
  try {
    for await (const entry of zip.getEntriesGenerator()) {
      if (++count > limits.maxZipEntries) {
        throw new Problem(413, `the zip has more than ${limits.maxZipEntries} entries`);
      }
      const path = entry.filename;
      const named = read(entry.directory ? `${path.replace(/\/$/, '')}/.folder` : path);
      if (named.kind === 'other') passedOver.push(printable(path));
      else if ('case' in named && !entry.directory)
        files.push({ ...named, ...opened(entry, limits.maxMaskBytes) });
    }
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(422, `the zip is broken: ${reasonOf(error)}`);
  }
  return { files, passedOver };
}

/** How a file of a zip is read. Throws Problem 413 where it is larger than `maxBytes`, 422 where it is encrypted. */
function opened(entry: FileEntry, maxBytes: number): Pick<ZippedFile, 'path' | 'open'> {
  const path = printable(entry.filename);
  if (entry.encrypted) throw new Problem(422, `${path}: is encrypted`);
  const tooLarge = () => new Problem(413, `${path}: unpacks to more than ${maxBytes} bytes`);
  if (entry.uncompressedSize > maxBytes) throw tooLarge();
  return { path, open: () => limited(entryBytes(entry), maxBytes, tooLarge) };
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
    const reason = reasonOf(error);
    const fault =
      reason === ERR_UNSUPPORTED_COMPRESSION
        ? `is packed by zip's method ${entry.compressionMethod}; expected deflate, which is 8`
        : `the zip is broken: ${reason}`;
    throw new Problem(422, `${printable(entry.filename)}: ${fault}`);
  } finally {
    end.abort();
    await reader.cancel().catch(() => {});
  }
}

/** The reason in one line, whatever was thrown. */
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
