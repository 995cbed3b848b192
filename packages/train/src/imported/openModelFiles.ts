/** The files of a model by path: in a folder, or in a zip of one. */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { sha256Of } from '@organseg/files/fileRecord.ts';
import type { OpenBytes } from '@organseg/files/openBytes.ts';
import { OpenFile } from '@organseg/files/openFile.ts';
import { isRoot } from '@organseg/files/paths.ts';
import { namesIn, statOf } from '@organseg/files/read.ts';
import { openEntry, unpacked } from '@organseg/files/unpackedZip.ts';
import { zipEntries } from '@organseg/files/zip.ts';
import type { ModelFiles } from './modelFiles.ts';
import { type ZipFile, ZipFolder } from './zipFolder.ts';

/** The files at a path: a folder, a zip, or a folder in a zip (MODEL.zip/FOLDER). Throws InputError. */
export async function openModelFiles(path: string): Promise<ModelFiles> {
  if (existsSync(path) && statSync(path).isDirectory()) return new Folder(path);
  const zip = onDisk(path);
  if (!/\.zip$/i.test(zip) || !statSync(zip).isFile()) throw new InputError(`${path}: ${await whatIs(path)}`);
  const bytes = new OpenFile(zip);
  try {
    const within = path
      .slice(zip.length)
      .replaceAll('\\', '/')
      .replaceAll(/^\/+|\/+$/g, '');
    return ZipFolder.of(zipFile(zip), await zipEntries(bytes), within);
  } finally {
    bytes.close();
  }
}

/** A path as far as it is there: of a folder in a zip, the zip. */
export function onDisk(path: string): string {
  let found = path;
  while (!existsSync(found) && !isRoot(found)) found = dirname(found);
  return found;
}

/** What is wrong with a path that is neither folder nor zip, in words. */
async function whatIs(path: string): Promise<string> {
  if (!existsSync(path)) return 'no such folder or zip';
  if (!/\.(pth?|ts|ckpt|safetensors)$/i.test(path)) return 'is no folder and no zip of one';
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

  async size(name: string): Promise<number> {
    return (await statOf(this.pathOf(name))).size;
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

/** A zip by path, which is opened anew for each of its entries. */
const zipFile = (path: string): ZipFile => ({
  path,
  async open(entry) {
    const zip = new OpenFile(path);
    try {
      return await openEntry(zip, entry);
    } catch (error) {
      zip.close();
      throw error;
    }
  },
  async sha256(entry) {
    const zip = new OpenFile(path);
    const hash = createHash('sha256');
    try {
      for await (const bytes of unpacked(zip, entry)) hash.update(bytes);
    } finally {
      zip.close();
    }
    return hash.digest('hex');
  },
});
