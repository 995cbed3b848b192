/** Small label maps as files, and how to send and pack them. */

import { gzipSync } from 'node:zlib';
import { niftiFile } from '@organseg/core/volume/niftiFixture.ts';
import { TextReader, Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';

export const SHAPE = [24, 20, 16];

/** A gzipped label map in which each organ is a box; `shift` moves them along x. */
export function mask(
  shift = 0,
  organs = 13,
  fixture: Parameters<typeof niftiFile>[0] = {},
): Uint8Array<ArrayBuffer> {
  const [nx, ny, nz] = fixture.shape ?? SHAPE;
  const values = new Uint8Array(nx * ny * nz);
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = shift; x < nx; x++) {
        const organ = 1 + Math.floor((x - shift) / 6) + 4 * Math.floor(y / 6);
        const isInside = (x - shift) % 6 < 4 && y % 6 < 4 && z > 2 && z < 12;
        values[x + nx * (y + ny * z)] = isInside && organ <= organs ? organ : 0;
      }
    }
  }
  return Uint8Array.from(
    gzipSync(niftiFile({ shape: [nx, ny, nz], datatype: 2, bitpix: 8, values, ...fixture })),
  );
}

/** JSON lines of a steady run of `seconds`. */
export function log(seconds: number, gpuMemoryMb = 3000, cpuPercent = 50): string {
  const samples = Array.from({ length: 10 * seconds + 1 }, (_, i) => ({
    t: i / 10,
    gpuMemoryMb,
    cpuPercent,
  }));
  return samples.map((sample) => `${JSON.stringify(sample)}\n`).join('');
}

/** A zip of files by name. */
export async function zip(
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  for (const [name, content] of Object.entries(files)) {
    await writer.add(
      name,
      typeof content === 'string' ? new TextReader(content) : new Uint8ArrayReader(content),
      {
        useWebWorkers: false,
      },
    );
  }
  return Uint8Array.from(await writer.close());
}
