/** Archives of a folder, the same whenever they are made: sorted by name, without times and owners. */
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, globSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { ZipWriter } from '@zip.js/zip.js';
import type { Platform } from './platforms.ts';

/** Packs the folder `name` in `parent`; the archive appears whole or not at all. */
export async function pack(
  kind: Platform['archive'],
  parent: string,
  name: string,
  out: string,
): Promise<void> {
  const part = `${out}.${process.pid}.part`;
  try {
    if (kind === 'zip') await zip(parent, name, part);
    else tarXz(parent, name, part);
    renameSync(part, out);
  } finally {
    rmSync(part, { force: true });
  }
}

function tarXz(parent: string, name: string, out: string): void {
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
  const { status, stderr, error } = spawnSync('tar', ['--create', '--xz', ...order, '--file', out, name], {
    cwd: parent,
    encoding: 'utf8',
    env: { XZ_OPT: '-6 -T0', ...process.env },
  });
  if (status !== 0) throw new Error(`tar with xz failed: ${error?.message ?? stderr.trim()}`);
}

/** The first day that zip can name. */
const LONG_AGO = new Date(1980, 0, 1);

async function zip(parent: string, name: string, out: string): Promise<void> {
  const options = { lastModDate: LONG_AGO, extendedTimestamp: false, useWebWorkers: false };
  const writer = new ZipWriter(Writable.toWeb(createWriteStream(out)), options);
  for (const path of globSync(`${name}/**`, { cwd: parent }).sort()) {
    const file = join(parent, path);
    if (statSync(file).isDirectory()) continue;
    await writer.add(path.split(sep).join('/'), Readable.toWeb(createReadStream(file)) as ReadableStream);
  }
  await writer.close();
}
