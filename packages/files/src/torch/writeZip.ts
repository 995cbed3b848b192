/**
 * Zip files as PyTorch reads them: entries stored, not compressed, the bytes of each on a multiple of 64 (which zip.js,
 * by which zip files are read here, does not do), with the fields of zip64 where there are too many entries or bytes for
 * the old ones.
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import { crc32 } from 'node:zlib';

/** A file in the zip file, whose bytes are asked for when they are written. */
export interface EntryToWrite {
  readonly name: string;
  bytes(): Uint8Array;
}

const ALIGNMENT = 64;
/** What fields of 16 and of 32 bits hold where the value stands in a field of zip64. */
const [IN_ZIP64_16, IN_ZIP64_32] = [0xffff, 0xffffffff];
/** The version of the format that zip64 came with; 1980-01-01, the first day that there is, and names in UTF-8. */
const [VERSION, DATE, UTF8] = [45, 0x21, 0x800];

/** The bytes of a zip file in parts. Throws where an entry has 4 GiB or more. */
export function* storedZip(entries: Iterable<EntryToWrite>): Generator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const bytes = entry.bytes();
    if (bytes.length >= IN_ZIP64_32) throw new Error(`zip: ${entry.name} has 4 GiB or more`);
    const name = new TextEncoder().encode(entry.name);
    const facts = { name, size: bytes.length, crc: crc32(bytes), offset };
    const header = localHeader(facts);
    directory.push(directoryEntry(facts));
    yield header;
    yield bytes;
    offset += header.length + bytes.length;
  }
  yield* directory;
  yield directoryEnd(directory, offset);
}

interface EntryFacts {
  readonly name: Uint8Array;
  readonly size: number;
  readonly crc: number;
  /** Where in the file its local header begins. */
  readonly offset: number;
}

/** The header before an entry's bytes; a padding in it brings them to their place. */
function localHeader({ name, size, crc, offset }: EntryFacts): Uint8Array {
  const [fixed, paddingHeader] = [30, 4];
  const unpadded = offset + fixed + name.length + paddingHeader;
  const padding = Math.ceil(unpadded / ALIGNMENT) * ALIGNMENT - unpadded;
  const fields = new Fields(fixed + name.length + paddingHeader + padding);
  fields.u32(0x04034b50);
  common(fields, size, crc);
  fields.u16(name.length).u16(paddingHeader + padding);
  fields.put(name);
  // A field under PyTorch's own id for a padding, `FB`.
  fields.u16(0x4246).u16(padding);
  return fields.bytes;
}

/** An entry of the directory at the file's end. */
function directoryEntry({ name, size, crc, offset }: EntryFacts): Uint8Array {
  const far = offset >= IN_ZIP64_32;
  const extra = far ? 12 : 0;
  const fields = new Fields(46 + name.length + extra);
  fields.u32(0x02014b50).u16(VERSION);
  common(fields, size, crc);
  fields.u16(name.length).u16(extra);
  fields.u16(0).u16(0).u16(0).u32(0); // no comment, the first disk, no attributes
  fields.u32(far ? IN_ZIP64_32 : offset);
  fields.put(name);
  if (far) fields.u16(1).u16(8).u64(offset);
  return fields.bytes;
}

/** The fields that an entry's two headers share. */
function common(fields: Fields, size: number, crc: number): void {
  fields.u16(VERSION).u16(UTF8).u16(0).u16(0).u16(DATE); // stored, at midnight
  fields.u32(crc).u32(size).u32(size);
}

/** The end of the directory, which stands at `offset`; before it that of zip64, where the old one cannot tell all. */
function directoryEnd(directory: readonly Uint8Array[], offset: number): Uint8Array {
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = directory.length;
  const isBig = count >= IN_ZIP64_16 || offset >= IN_ZIP64_32 || size >= IN_ZIP64_32;
  const fields = new Fields(isBig ? 98 : 22);
  if (isBig) {
    fields.u32(0x06064b50).u64(44).u16(VERSION).u16(VERSION).u32(0).u32(0);
    fields.u64(count).u64(count).u64(size).u64(offset);
    fields
      .u32(0x07064b50)
      .u32(0)
      .u64(offset + size)
      .u32(1);
  }
  fields.u32(0x06054b50).u16(0).u16(0);
  for (let i = 0; i < 2; i++) fields.u16(isBig ? IN_ZIP64_16 : count);
  for (const value of [size, offset]) fields.u32(isBig ? IN_ZIP64_32 : value);
  return fields.bytes;
}

/** Bytes that are filled from their beginning, the lowest byte of a number first; what is not filled is 0. */
class Fields {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  u64(value: number): this {
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
    return this;
  }

  put(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}
