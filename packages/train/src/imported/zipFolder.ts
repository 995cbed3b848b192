/** The files of a model in a zip of its folder. */
import { InputError } from '@organseg/core/inputError.ts';
import type { OpenBytes } from '@organseg/files/openBytes.ts';
import type { ZipEntry } from '@organseg/files/zip.ts';
import type { ModelFiles } from './modelFiles.ts';

/** A zip, whose entries are opened as the platform can. */
export interface ZipFile {
  /** How messages name it. */
  readonly path: string;
  /** The unpacked bytes of an entry, which whoever opens them closes. Throws InputError. */
  open(entry: ZipEntry): Promise<OpenBytes>;
  /** The SHA-256 of an entry's unpacked bytes. Throws InputError. */
  sha256(entry: ZipEntry): Promise<string>;
}

export class ZipFolder implements ModelFiles {
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  /** With what the names of its entries begin; empty, or with `/` at its end. */
  readonly #prefix: string;

  constructor(zip: ZipFile, entries: ReadonlyMap<string, ZipEntry>, prefix: string) {
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
    return `${this.#zip.path}/${this.#prefix}${name}`;
  }

  async open(name: string): Promise<OpenBytes> {
    return await this.#zip.open(this.#entry(name));
  }

  async sha256(name: string): Promise<string> {
    return await this.#zip.sha256(this.#entry(name));
  }

  #entry(name: string): ZipEntry {
    const entry = this.#entries.get(this.#prefix + name);
    if (!entry) throw new InputError(`${this.pathOf(name)}: no such file in the zip`);
    return entry;
  }
}
