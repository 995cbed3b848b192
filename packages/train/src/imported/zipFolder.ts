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

/** Names of what would not lie in the folder that a zip is unpacked in: from a root or a drive, or above the folder. */
const OUTSIDE = /^\/|^[a-z]:|(^|\/)\.\.(\/|$)/i;

/** What a zip holds, by names with `/` between folders; the names in each folder by its own name, which ends with `/`. */
interface Listing {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly folders: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Throws InputError, after the zip's own name, where an entry lies outside of it, or two have one name. */
function listingOf(zip: string, all: ReadonlyMap<string, ZipEntry>): Listing {
  const refuse = (name: string, fault: string) =>
    new InputError(`${zip}: holds ${JSON.stringify(name)} ${fault}`);
  const entries = new Map<string, ZipEntry>();
  const folders = new Map<string, Set<string>>();
  for (const [name, entry] of all) {
    // Old tools of Windows write \, and some begin with the folder that they were in.
    const path = name.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
    if (OUTSIDE.test(path)) throw refuse(name, 'which lies outside of it');
    if (entries.has(path)) throw refuse(path, 'twice');
    entries.set(path, entry);
    for (let end = path.length; end > 0; ) {
      const start = path.lastIndexOf('/', end - 1) + 1;
      const folder = path.slice(0, start);
      const isKnown = folders.has(folder);
      if (!isKnown) folders.set(folder, new Set());
      if (start < end) folders.get(folder)!.add(path.slice(start, end));
      if (isKnown) break;
      end = start - 1;
    }
  }
  for (const path of entries.keys())
    if (folders.has(`${path}/`)) throw refuse(path, 'as a file and as a folder');
  return { entries, folders };
}

export class ZipFolder implements ModelFiles {
  readonly #zip: ZipFile;
  readonly #listing: Listing;
  /** With what the names of its entries begin; empty, or with `/` at its end. */
  readonly #prefix: string;

  private constructor(zip: ZipFile, listing: Listing, prefix: string) {
    this.#zip = zip;
    this.#listing = listing;
    this.#prefix = prefix;
  }

  /** The whole zip, or a folder in it. Throws InputError where names in it lead outside, or are those of two files. */
  static of(zip: ZipFile, entries: ReadonlyMap<string, ZipEntry>, folder = ''): ZipFolder {
    return new ZipFolder(zip, listingOf(zip.path, entries), folder && `${folder}/`);
  }

  get path(): string {
    return this.pathOf('').replace(/\/$/, '');
  }

  async names(): Promise<string[]> {
    return [...(this.#listing.folders.get(this.#prefix) ?? [])].sort();
  }

  folder(name: string): ModelFiles {
    return new ZipFolder(this.#zip, this.#listing, `${this.#prefix}${name}/`);
  }

  has(name: string): boolean {
    const entry = this.#prefix + name;
    return this.#listing.entries.has(entry) || this.#listing.folders.has(`${entry}/`);
  }

  async size(name: string): Promise<number> {
    return this.#entry(name).size;
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
    const entry = this.#listing.entries.get(this.#prefix + name);
    if (!entry) throw new InputError(`${this.pathOf(name)}: no such file in the zip`);
    return entry;
  }
}
