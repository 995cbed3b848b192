/** Every file of the shared collection reads as its manifest says, or is refused. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../inputError.ts';
import { sourceOf } from './niftiFixture.ts';
import { openNifti } from './niftiRead.ts';

interface Entry {
  valid: boolean;
  note: string;
  shape?: number[];
  sum?: number;
  v000?: number;
  vlast?: number;
  v123?: number;
  affine?: number[][];
}

const folder = new URL('../../../../../shared/data/nifti/', import.meta.url);
const isThere = existsSync(folder);
const manifest: Record<string, Entry> = isThere
  ? JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8'))
  : {};

async function read(name: string) {
  const source = (file: string) => sourceOf(file, readFileSync(new URL(file, folder)), 1 << 16);
  const image = name === 'pair.hdr' ? source('pair.img') : undefined;
  const nifti = await openNifti(source(name), image);
  const values: number[] = [];
  for await (const block of nifti.voxels()) for (const value of block) values.push(value);
  return { header: nifti.header, values };
}

describe.skipIf(!isThere)(
  `the shared NIfTI files${isThere ? '' : ' (skipped: shared/data/nifti is not here)'}`,
  () => {
    for (const [name, entry] of Object.entries(manifest)) {
      if (!entry.valid) {
        it(`refuses ${name}: ${entry.note}`, async () => {
          const error = await read(name).catch((reason: unknown) => reason);
          expect(error).toBeInstanceOf(InputError);
          expect((error as Error).message).toMatch(new RegExp(`^${name}: [^\\n]+$`));
        });
        continue;
      }
      it(`reads ${name}: ${entry.note}`, async () => {
        const { header, values } = await read(name);
        if (entry.shape) expect(header.shape).toEqual(entry.shape);
        if (entry.affine) {
          // The manifest rounds to six decimals.
          for (const [i, value] of entry.affine.flat().entries())
            expect(header.affine[i]).toBeCloseTo(value, 5);
        }
        if (entry.sum !== undefined) expect(values.reduce((a, b) => a + b)).toBe(entry.sum);
        if (entry.v000 !== undefined) expect(values[0]).toBe(entry.v000);
        if (entry.vlast !== undefined) expect(values.at(-1)).toBe(entry.vlast);
        const [nx, ny] = header.shape;
        if (entry.v123 !== undefined) expect(values[1 + nx * (2 + ny * 3)]).toBe(entry.v123);
        if (name.startsWith('float32_nan_inf')) {
          expect(values[0]).toBeNaN();
          expect(values[1 + nx * (1 + ny)]).toBe(Number.POSITIVE_INFINITY);
        }
      });
    }
  },
);
