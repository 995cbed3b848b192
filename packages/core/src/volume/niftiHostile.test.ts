/** Broken and hostile NIfTI files: refused in one line, in little memory and time. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { InputError } from '../inputError.ts';
import type { ByteSource } from './byteReader.ts';
import { concatenate, niftiFile, niftiHeader, niftiVoxels, random, sourceOf } from './niftiFixture.ts';
import { openNifti, readNifti } from './niftiRead.ts';

const refusal = (source: ByteSource) =>
  readNifti(source).then(
    () => 'was read',
    (error) => (error instanceof InputError ? error.message : `not an InputError: ${error.stack}`),
  );

const gz = (bytes: Uint8Array): Uint8Array => gzipSync(bytes);

const changed = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at < 0 ? copy.length + at : at] ^= 0xff;
  return copy;
};

describe('broken files are refused in one line that names them', () => {
  const plain = niftiFile();
  const packed = gz(plain);
  it.each([
    ['e.nii', new Uint8Array(), 'the file is empty'],
    ['e.nii.gz', new Uint8Array(), 'the file is empty'],
    ['s.nii', plain.subarray(0, 3), 'the header is cut short: 3 of 348 bytes'],
    ['s.nii', plain.subarray(0, 200), 'the header is cut short: 200 of 348 bytes'],
    ['h.nii', plain.subarray(0, 352), 'the voxels are cut short: 0 of 48 bytes'],
    ['t.nii', plain.subarray(0, 399), 'the voxels are cut short: 47 of 48 bytes'],
    [
      'more.nii',
      concatenate(plain, new Uint8Array(1)),
      'holds more than the 48 bytes of voxels that its header justifies',
    ],
    [
      'text.nii',
      new TextEncoder().encode('PK this is no image'),
      'not NIfTI: the first four bytes are no header size',
    ],
    ['zip.nii', packed, 'the content is gzip, the name does not end in .gz'],
    ['plain.nii.gz', plain, 'the name says gzip, the content is not'],
    ['crc.nii.gz', changed(packed, -5), 'the gzip checksum is wrong'],
    ['len.nii.gz', changed(packed, -1), 'the gzip length is wrong'],
    ['cut.nii.gz', packed.subarray(0, -1), 'the gzip stream is cut short'],
    ['cut.nii.gz', packed.subarray(0, 40), 'the gzip stream is cut short'],
    ['tail.nii.gz', concatenate(packed, Uint8Array.of(1, 2)), 'data follows the end of the gzip stream'],
    [
      'zeros.nii.gz',
      concatenate(packed, new Uint8Array(9), packed),
      'data follows the end of the gzip stream',
    ],
    ['half.nii.gz', concatenate(packed, packed.subarray(0, 20)), 'the gzip stream is cut short'],
  ])('%s', async (name, bytes, fault) => {
    expect(await refusal(sourceOf(name, bytes))).toBe(`${name}: ${fault}`);
  });

  it('a wrong checksum in the header file of a pair', async () => {
    const header = changed(gz(niftiHeader({ magic: 'ni1\0', voxOffset: 0 })), -5);
    const pair = readNifti(sourceOf('p.hdr.gz', header), sourceOf('p.img', niftiVoxels()));
    await expect(pair).rejects.toThrow(/^p\.hdr\.gz: the gzip checksum is wrong$/);
  });
});

describe('memory and time', () => {
  it('allocates by what arrives, not by what the header claims', async () => {
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    async function* watched(bytes: Uint8Array) {
      for (let at = 0; at < bytes.length; at += 100) {
        yield bytes.subarray(at, at + 100);
        peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
      }
    }
    const claim = niftiHeader({ shape: [1024, 1024, 1024], datatype: 64 });
    const bytes = concatenate(claim, new Uint8Array(100_000));
    const message = await refusal({ name: 'claim.nii', bytes: watched(bytes) });
    expect(message).toBe('claim.nii: the voxels are cut short: 100000 of 8589934592 bytes');
    expect(peak).toBeLessThan(64 << 20);
  });

  it('cuts a gzip bomb at what the header justifies', async () => {
    const bomb = gz(concatenate(niftiFile(), new Uint8Array(256 << 20)));
    const message = await refusal(sourceOf('bomb.nii.gz', bomb));
    expect(message).toBe('bomb.nii.gz: holds more than the 48 bytes of voxels that its header justifies');
  });

  it('stops reading there', async () => {
    const next = random(3);
    const noise = Uint8Array.from({ length: 4 << 20 }, () => 256 * next());
    const surplus = gz(concatenate(niftiFile(), noise));
    let taken = 0;
    async function* watched() {
      for (let at = 0; at < surplus.length; at += 1000) {
        taken += 1000;
        yield surplus.subarray(at, at + 1000);
      }
    }
    expect(await refusal({ name: 'more.nii.gz', bytes: watched() })).toMatch(
      /^more\.nii\.gz: holds more than/,
    );
    expect(taken).toBeLessThan(surplus.length / 8);
  });

  it('cuts a bomb that hides between header and voxels', async () => {
    const bomb = gz(concatenate(niftiHeader({ voxOffset: 2 ** 30 }), new Uint8Array(1 << 20)));
    expect(await refusal(sourceOf('bomb.nii.gz', bomb))).toMatch(
      /^bomb\.nii\.gz: vox_offset leaves \d+ bytes/,
    );
  });
});

describe('fuzz', () => {
  it('reads or refuses in one line whatever is cut off or flipped', async () => {
    const next = random(20220901);
    const pick = (n: number) => Math.floor(next() * n);
    const seeds = [
      niftiFile(),
      niftiFile({ version: 2, littleEndian: false, datatype: 1024 }),
      niftiFile({ qformCode: 1, sformCode: 0, quaternion: [0.1, 0.2, 0.3], extension: new Uint8Array(32) }),
      niftiFile({ datatype: 16, slope: 2, littleEndian: false }),
    ];
    let readable = 0;
    for (let round = 0; round < 3000; round++) {
      const seed = seeds[round % seeds.length];
      const isGzip = round % 3 === 0;
      let bytes = isGzip && round % 2 ? gz(seed) : Uint8Array.from(seed);
      for (let flips = pick(4); flips > 0; flips--) bytes[pick(Math.min(bytes.length, 600))] = pick(256);
      if (next() < 0.3) bytes = bytes.subarray(0, pick(bytes.length));
      if (isGzip && round % 2 === 0) bytes = gz(bytes);
      const source = sourceOf(isGzip ? 'f.nii.gz' : 'f.nii', bytes);
      try {
        const nifti = await openNifti(source);
        for await (const block of nifti.voxels()) readable += block.length;
      } catch (error) {
        if (!(error instanceof InputError) || !/^f\.nii(\.gz)?: [^\n\r]+$/.test(error.message)) {
          throw new Error(`round ${round}`, { cause: error });
        }
      }
    }
    expect(readable).toBeGreaterThan(0);
  });
});
