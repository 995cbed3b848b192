/** The files in a zip: its directory, and their bytes where they lie or unpacked. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Codec } from '@organseg/core/volume/gzip.ts';
import { configure, Reader, ZipReader } from '@zip.js/zip.js/index-native.js';
import { type OpenBytes, partOf } from './openBytes.ts';

configure({ useWebWorkers: false });

/** What a zip's directory says of one file. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes when unpacked. */
  readonly size: number;
  readonly packedSize: number;
  /** 0 where the bytes are stored as they are, 8 for deflate. */
  readonly method: number;
  readonly isEncrypted: boolean;
  /** Whether it names another file instead of holding bytes of its own. */
  readonly isLink: boolean;
  readonly crc32: number;
  /** Where the entry's own header begins. */
  readonly position: number;
}

/** The most files that a zip may hold: several times those of a large network with its optimiser's state. */
const MAX_ENTRIES = 100_000;

/** Zip's number of the only way of packing that is read. */
const DEFLATE = 8;

/**
 * What may be unpacked of a small file, in bytes, and the most beyond it, in packed bytes. Weights hardly pack at all, but
 * deflate can make a thousand bytes of one.
 */
const SMALL_BYTES = 16 << 20;
const MAX_RATIO = 32;

/** Packed bytes that are read at once. */
const CHUNK_BYTES = 1 << 20;

/** The bytes with which an entry begins, hence also most zips. */
const ENTRY_SIGNATURE = 0x04034b50;
const ENTRY_HEADER_BYTES = 30;

export const beginsAsZip = (bytes: OpenBytes): boolean => {
  const beginning = bytes.read(0, Math.min(4, bytes.size));
  return beginning.length === 4 && new DataView(beginning.buffer).getUint32(0, true) === ENTRY_SIGNATURE;
};

/** The files of a zip by name, as its directory at the end tells them. Throws InputError. */
export async function zipEntries(bytes: OpenBytes): Promise<Map<string, ZipEntry>> {
  const { path } = bytes;
  const entries = new Map<string, ZipEntry>();
  const zip = new ZipReader(new BytesReader(bytes), { filenameValidation: 'tolerant' });
  try {
    for await (const entry of zip.getEntriesGenerator()) {
      const { filename: name, signature } = entry;
      if (entry.directory) continue;
      if (/\p{Cc}/u.test(name))
        throw new InputError(`${path}: has a file with control characters in its name`);
      if (entries.has(name)) throw new InputError(`${path}: holds ${JSON.stringify(name)} twice`);
      if (entries.size === MAX_ENTRIES) throw new InputError(`${path}: holds more than ${MAX_ENTRIES} files`);
      entries.set(name, {
        name,
        size: entry.uncompressedSize,
        packedSize: entry.compressedSize,
        method: entry.compressionMethod,
        isEncrypted: entry.encrypted,
        isLink: entry.symlink,
        crc32: signature ?? 0,
        position: entry.offset,
      });
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: is a broken zip, or one cut short: ${firstLine(error)}`);
  }
  return entries;
}

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n')[0];

class BytesReader extends Reader<OpenBytes> {
  readonly #bytes: OpenBytes;

  constructor(bytes: OpenBytes) {
    super(bytes);
    this.#bytes = bytes;
    this.size = bytes.size;
  }

  override async readUint8Array(index: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#bytes.read(index, Math.max(0, Math.min(length, this.size - index)));
  }
}

/** The bytes of a stored entry, where they lie in the zip. Throws InputError. */
export function storedBytes(zip: OpenBytes, entry: ZipEntry): OpenBytes {
  const path = readablePath(zip, entry);
  if (entry.method !== 0) throw new InputError(`${path}: is compressed, expected stored`);
  if (entry.packedSize !== entry.size) throw new InputError(`${path}: has two sizes`);
  return packedBytes(zip, entry, path);
}

/** How messages name an entry. Throws InputError where its bytes cannot be read, or are not its own. */
function readablePath(zip: OpenBytes, { name, isEncrypted, isLink }: ZipEntry): string {
  const path = `${zip.path}: ${name}`;
  if (isEncrypted) throw new InputError(`${path}: is encrypted`);
  if (isLink) throw new InputError(`${path}: is a symbolic link, which is not followed`);
  return path;
}

function packedBytes(zip: OpenBytes, entry: ZipEntry, path: string): OpenBytes {
  const header = new DataView(
    partOf(zip, entry.position, ENTRY_HEADER_BYTES, path).read(0, ENTRY_HEADER_BYTES).buffer,
  );
  if (header.getUint32(0, true) !== ENTRY_SIGNATURE)
    throw new InputError(`${path}: does not begin where the zip says`);
  // Of this header only its length counts; sizes stand in the directory alone.
  const headerBytes = ENTRY_HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
  return partOf(zip, entry.position + headerBytes, entry.packedSize, path);
}

/** What unpacks, which is other code on other platforms. */
export interface Unpacker {
  /** Inflates deflate's stream without a header. */
  readonly inflate: Codec;
  /** The CRC-32 of bytes that follow those whose CRC-32 is `before`, which is 0 at first. */
  readonly crc32: (bytes: Uint8Array, before: number) => number;
}

/**
 * The unpacked bytes of an entry, never more than the directory says; its size and checksum are compared at the end.
 * Throws InputError, before anything is unpacked where the size is none that a model's files have.
 */
export async function* unpackedBy(
  { inflate, crc32 }: Unpacker,
  zip: OpenBytes,
  entry: ZipEntry,
): AsyncGenerator<Uint8Array> {
  const path = readablePath(zip, entry);
  if (entry.method !== 0 && entry.method !== DEFLATE)
    throw new InputError(
      `${path}: is packed by zip's method ${entry.method}; expected deflate, which is ${DEFLATE}`,
    );
  if (entry.size > Math.max(SMALL_BYTES, MAX_RATIO * entry.packedSize))
    throw new InputError(
      `${path}: is ${entry.size} bytes unpacked, more than ${MAX_RATIO} times what it is packed; weights never are`,
    );
  const packed = packedBytes(zip, entry, path);
  let size = 0;
  let checksum = 0;
  try {
    for await (const bytes of entry.method === 0 ? chunksOf(packed) : inflate(chunksOf(packed))) {
      size += bytes.length;
      checksum = crc32(bytes, checksum);
      if (size > entry.size) break;
      yield bytes;
    }
  } catch (error) {
    throw error instanceof InputError
      ? error
      : new InputError(`${path}: is packed wrongly: ${firstLine(error)}`);
  }
  if (size !== entry.size || checksum !== entry.crc32)
    throw new InputError(`${path}: is not what the zip's directory says`);
}

async function* chunksOf(bytes: OpenBytes): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.size; at += CHUNK_BYTES)
    yield bytes.read(at, Math.min(CHUNK_BYTES, bytes.size - at));
}
