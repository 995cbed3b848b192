/** The files of a model that was trained elsewhere: in a folder, or in a zip of one. */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { sha256Of } from '@organseg/files/fileRecord.ts';
import { parseJson } from '@organseg/files/json.ts';
import { type OpenBytes, OpenFile } from '@organseg/files/openFile.ts';
import { namesIn } from '@organseg/files/read.ts';
import { openEntry, unpacked, type ZipEntry, zipEntries } from '@organseg/files/zip.ts';
import { z } from 'zod';

/** A folder, on disk or in a zip. Names of what lies below it are told apart by `/`. */
export interface ModelFiles {
  /** How messages name it. */
  readonly path: string;
  /** The names of the files and folders in it, sorted. Throws InputError. */
  names(): Promise<string[]>;
  /** A folder in it. */
  folder(name: string): ModelFiles;
  has(name: string): boolean;
  /** How messages name a file in it. */
  pathOf(name: string): string;
  /** The bytes of a file, which whoever opens them closes. Throws InputError. */
  open(name: string): Promise<OpenBytes>;
  /** The SHA-256 of a file's bytes. Throws InputError. */
  sha256(name: string): Promise<string>;
}

/** The largest JSON file that is read. */
const MAX_JSON_BYTES = 64 << 20;

/** A JSON file of a model, as it stands. Throws InputError. */
export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const bytes = await files.open(name);
  try {
    if (bytes.size > MAX_JSON_BYTES) throw new InputError(`${files.pathOf(name)}: is too large for JSON`);
    return parseJson(new TextDecoder().decode(bytes.read(0, bytes.size)), z.json(), files.pathOf(name));
  } finally {
    bytes.close();
  }
}

/** The files at a path: a folder, a zip, or a folder in a zip (MODEL.zip/FOLDER). Throws InputError. */
export async function openModelFiles(path: string): Promise<ModelFiles> {
  if (existsSync(path) && statSync(path).isDirectory()) return new Folder(path);
  let zip = path;
  while (!existsSync(zip) && dirname(zip) !== zip) zip = dirname(zip);
  if (!/\.zip$/i.test(zip) || !statSync(zip).isFile()) throw new InputError(`${path}: ${await whatIs(path)}`);
  const bytes = new OpenFile(zip);
  try {
    const within = path
      .slice(zip.length)
      .replaceAll('\\', '/')
      .replaceAll(/^\/+|\/+$/g, '');
    return new ZipFolder(zip, await zipEntries(bytes), within && `${within}/`);
  } finally {
    bytes.close();
  }
}

/** What is wrong with a path that is neither folder nor zip, in words. */
async function whatIs(path: string): Promise<string> {
  if (!existsSync(path)) return 'no such folder or zip';
  if (!/\.(pth?|ckpt|safetensors)$/i.test(path)) return 'is no folder and no zip of one';
  return `is the weights of a model alone; expected the folder that says how they are used (${basename(dirname(path)) || '.'} or one above it)`;
}

class Folder implements ModelFiles {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  names(): Promise<string[]> {
    return namesIn(this.path);
  }

  folder(name: string): ModelFiles {
    return new Folder(this.pathOf(name));
  }

  has(name: string): boolean {
    return existsSync(this.pathOf(name));
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  async open(name: string): Promise<OpenBytes> {
    return new OpenFile(this.pathOf(name));
  }

  sha256(name: string): Promise<string> {
    return sha256Of(this.pathOf(name));
  }
}

class ZipFolder implements ModelFiles {
  readonly #zip: string;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  /** With what the names of its entries begin; empty, or with `/` at its end. */
  readonly #prefix: string;

  constructor(zip: string, entries: ReadonlyMap<string, ZipEntry>, prefix: string) {
    this.#zip = zip;
    this.#entries = entries;
    this.#prefix = prefix;
  }

  get path(): string {
    return this.pathOf('').replace(/\/$/, '');
  }

  async names(): Promise<string[]> {
    const below = [...this.#entries.keys()].filter((name) => name.startsWith(this.#prefix));
    return [...new Set(below.map((name) => name.slice(this.#prefix.length).split('/')[0]!))].sort();
  }

  folder(name: string): ModelFiles {
    return new ZipFolder(this.#zip, this.#entries, `${this.#prefix}${name}/`);
  }

  has(name: string): boolean {
    const entry = this.#prefix + name;
    return this.#entries.has(entry) || [...this.#entries.keys()].some((key) => key.startsWith(`${entry}/`));
  }

  pathOf(name: string): string {
    return `${this.#zip}/${this.#prefix}${name}`;
  }

  async open(name: string): Promise<OpenBytes> {
    const zip = new OpenFile(this.#zip);
    try {
      return await openEntry(zip, this.#entry(name));
    } catch (error) {
      zip.close();
      throw error;
    }
  }

  async sha256(name: string): Promise<string> {
    const zip = new OpenFile(this.#zip);
    const hash = createHash('sha256');
    try {
      for await (const bytes of unpacked(zip, this.#entry(name))) hash.update(bytes);
    } finally {
      zip.close();
    }
    return hash.digest('hex');
  }

  #entry(name: string): ZipEntry {
    const entry = this.#entries.get(this.#prefix + name);
    if (!entry) throw new InputError(`${this.pathOf(name)}: no such file in the zip`);
    return entry;
  }
}
