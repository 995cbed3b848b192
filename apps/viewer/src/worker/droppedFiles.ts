/** The files of a model that was dropped on the page: of a folder, or a zip of one. */
import { InputError } from '@organseg/core/inputError.ts';
import type { OpenBytes } from '@organseg/files/openBytes.ts';
import { storedBytes, type Unpacker, unpackedBy, zipEntries } from '@organseg/files/zip.ts';
import type { ModelFiles } from '@organseg/train/imported/modelFiles.ts';
import { type ZipFile, ZipFolder } from '@organseg/train/imported/zipFolder.ts';
import type { NamedFile } from '../protocol.ts';
import { blobBytes } from './blobBytes.ts';

/**
 * The folder that all files share, or the zip that the only file is, of which nothing is unpacked any more once the signal
 * is aborted. Throws InputError.
 */
export async function droppedModel(files: readonly NamedFile[], signal: AbortSignal): Promise<ModelFiles> {
  const [first] = files;
  if (!first) throw new InputError('nothing that could be a model was dropped');
  if (files.length === 1 && /\.zip$/i.test(first.path)) {
    const zip = blobBytes(first.file, first.path);
    return ZipFolder.of(zipFile(zip, signal), await zipEntries(zip));
  }
  const parts = first.path.split('/').slice(0, -1);
  while (parts.length && !files.every(({ path }) => path.startsWith(`${parts.join('/')}/`))) parts.pop();
  return new DroppedFolder(
    new Map(files.map(({ path, file }) => [path, file])),
    parts.map((part) => `${part}/`).join(''),
  );
}

class DroppedFolder implements ModelFiles {
  readonly #files: ReadonlyMap<string, Blob>;
  /** With what the paths of its files begin; empty, or with `/` at its end. */
  readonly #prefix: string;

  constructor(files: ReadonlyMap<string, Blob>, prefix: string) {
    this.#files = files;
    this.#prefix = prefix;
  }

  get path(): string {
    return this.#prefix.slice(0, -1) || [...this.#files.keys()].join(', ');
  }

  async names(): Promise<string[]> {
    const below = [...this.#files.keys()].filter((path) => path.startsWith(this.#prefix));
    return [...new Set(below.map((path) => path.slice(this.#prefix.length).split('/')[0]!))].sort();
  }

  folder(name: string): ModelFiles {
    return new DroppedFolder(this.#files, `${this.pathOf(name)}/`);
  }

  has(name: string): boolean {
    const path = this.pathOf(name);
    return this.#files.has(path) || [...this.#files.keys()].some((each) => each.startsWith(`${path}/`));
  }

  async size(name: string): Promise<number> {
    return this.#file(name).size;
  }

  pathOf(name: string): string {
    return this.#prefix + name;
  }

  async open(name: string): Promise<OpenBytes> {
    return blobBytes(this.#file(name), this.pathOf(name));
  }

  async sha256(name: string): Promise<string> {
    return sha256Of(this.#file(name));
  }

  #file(name: string): Blob {
    const file = this.#files.get(this.pathOf(name));
    if (!file) throw new InputError(`${this.pathOf(name)}: no such file`);
    return file;
  }
}

/** A zip whose entries are opened where they lie, or unpacked into a blob, which the browser keeps where it likes. */
const zipFile = (zip: OpenBytes, signal: AbortSignal): ZipFile => {
  const unpackedBlob = async (entry: Parameters<ZipFile['open']>[0]) => {
    const parts: Blob[] = [];
    for await (const bytes of unpackedBy(UNPACKER, zip, entry)) {
      signal.throwIfAborted();
      parts.push(new Blob([new Uint8Array(bytes)]));
    }
    return new Blob(parts);
  };
  return {
    path: zip.path,
    open: async (entry) =>
      entry.method === 0 || entry.isEncrypted
        ? storedBytes(zip, entry)
        : blobBytes(await unpackedBlob(entry), `${zip.path}: ${entry.name}`),
    sha256: async (entry) => sha256Of(await unpackedBlob(entry)),
  };
};

async function sha256Of(blob: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const UNPACKER: Unpacker = {
  async *inflate(bytes) {
    const source = bytes[Symbol.asyncIterator]();
    const pull = async (controller: ReadableStreamDefaultController) => {
      const next = await source.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    };
    const reader = new ReadableStream({ pull }, { highWaterMark: 0 })
      .pipeThrough(new DecompressionStream('deflate-raw'))
      .getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  },
  crc32(bytes, before) {
    let crc = ~before;
    for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
    return ~crc >>> 0;
  },
};

/** The CRC-32 of each byte alone. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});
