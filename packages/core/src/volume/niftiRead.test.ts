/** Voxels of every data type, scaled or not, as scans and as label maps. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../inputError.ts';
import { gzip } from './gzip.ts';
import {
  chunksOf,
  collect,
  concatenate,
  type NiftiFixture,
  niftiFile,
  niftiHeader,
  niftiVoxels,
  random,
  sourceOf,
} from './niftiFixture.ts';
import { openNifti, readLabels, readNifti } from './niftiRead.ts';

const read = (fixture: NiftiFixture) => readNifti(sourceOf('case.nii', niftiFile(fixture)));

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error('was read'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as Error).message;
}

const EXTREMES: [number, string, number[]][] = [
  [2, 'Uint8Array', [0, 1, 254, 255]],
  [256, 'Int8Array', [-128, -1, 0, 127]],
  [512, 'Uint16Array', [0, 1, 256, 65535]],
  [4, 'Int16Array', [-32768, -1024, 258, 32767]],
  [768, 'Uint32Array', [0, 1, 65536, 4294967295]],
  [8, 'Int32Array', [-2147483648, -1, 65537, 2147483647]],
  [1280, 'Float64Array', [0, 1, 2 ** 32 + 5, 2 ** 53 - 1]],
  [1024, 'Float64Array', [-(2 ** 53) + 1, -1, 2 ** 33, 2 ** 53 - 1]],
  [16, 'Float32Array', [Number.NaN, Number.NEGATIVE_INFINITY, 2 ** -149, -3.5]],
  [64, 'Float64Array', [Number.NaN, Number.POSITIVE_INFINITY, 5e-324, Math.PI]],
];

describe('every real data type', () => {
  for (const version of [1, 2] as const) {
    for (const littleEndian of [true, false]) {
      it(`NIfTI-${version}, ${littleEndian ? 'little' : 'big'}-endian`, async () => {
        for (const [datatype, array, values] of EXTREMES) {
          const { data, shape, header } = await read({
            version,
            littleEndian,
            datatype,
            values,
            shape: [2, 1, 2],
          });
          expect(data.constructor.name).toBe(array);
          expect([...data]).toEqual(values);
          expect(shape).toEqual([2, 1, 2]);
          expect([header.version, header.littleEndian]).toEqual([version, littleEndian]);
        }
      });
    }
  }

  it('refuses what is not one real number per voxel', async () => {
    for (const [datatype, name] of [
      [1, 'binary'],
      [32, 'complex64'],
      [128, 'rgb24'],
      [1536, 'float128'],
      [7, 'unknown'],
    ] as const) {
      const bytes = concatenate(niftiHeader({ datatype }), new Uint8Array(1000));
      const message = await messageOf(readNifti(sourceOf('scan.nii', bytes)));
      expect(message).toBe(
        `scan.nii: the data type is ${name} (${datatype}); expected one real number per voxel`,
      );
    }
  });

  it('refuses 64-bit integers that a double cannot hold', async () => {
    const message = await messageOf(read({ datatype: 1024, values: [1, 2 ** 53], shape: [2] }));
    expect(message).toBe('case.nii: the int64 value 9007199254740992 is beyond 2^53');
  });
});

describe('slope and intercept', () => {
  it('scales in double precision and keeps distinct values distinct', async () => {
    const ct = await read({ datatype: 512, values: [0, 1, 65535], shape: [3], slope: 0.5, intercept: -1024 });
    expect(ct.data).toEqual(Float32Array.from([-1024, -1023.5, 31743.5]));
    const fine = await read({
      datatype: 8,
      values: [2 ** 30, 2 ** 30 + 1],
      shape: [2],
      slope: 1,
      intercept: 1,
    });
    expect(fine.data).toEqual(Float64Array.from([2 ** 30 + 1, 2 ** 30 + 2]));
  });

  it('leaves integers as they are where the slope is 0 or not finite, whatever the intercept', async () => {
    for (const slope of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      const { data } = await read({ values: [7, -7], shape: [2], slope, intercept: 5 });
      expect(data).toEqual(Int16Array.from([7, -7]));
    }
  });

  it('refuses a slope without a usable intercept', async () => {
    expect(await messageOf(read({ slope: 2, intercept: Number.NaN }))).toBe('case.nii: scl_inter is NaN');
  });
});

describe('shape', () => {
  it('fills up to three axes, and drops further ones of length 1', async () => {
    expect((await read({ shape: [5] })).shape).toEqual([5, 1, 1]);
    expect((await read({ shape: [4, 3, 2, 1, 1] })).shape).toEqual([4, 3, 2]);
  });

  it('shows several volumes in the header and refuses them as one image', async () => {
    const bytes = niftiFile({ shape: [4, 3, 2, 3] });
    const nifti = await openNifti(sourceOf('f.nii', bytes));
    expect(nifti.header.shape).toEqual([4, 3, 2, 3]);
    let count = 0;
    for await (const block of nifti.voxels()) count += block.length;
    expect(count).toBe(72);
    expect(await messageOf(readNifti(sourceOf('f.nii', bytes)))).toBe(
      'f.nii: has 4×3×2×3 voxels; expected one 3D volume',
    );
  });

  it.each<[NiftiFixture, string]>([
    [{ dim0: 0 }, 'dim[0] is 0, expected 1 to 7'],
    [{ dim0: 9 }, 'dim[0] is 9, expected 1 to 7'],
    [{ dim0: -1 }, 'dim[0] is -1, expected 1 to 7'],
    [{ shape: [4, 0, 2], values: [] }, 'dim[2] is 0, expected at least 1'],
    [{ shape: [4, 3, -2], values: [] }, 'dim[3] is -2, expected at least 1'],
    [{ bitpix: 64 }, 'bitpix is 64, but int16 has 16 bits'],
    [{ magic: 'n+2\0' }, 'the magic is "n+2\\u0000", expected "n+1" or "ni1"'],
    [
      { version: 2, magic: 'n+2\0\n\x1a\n\0' },
      'the magic is "n+2\\u0000\\n\\u001a\\n\\u0000", expected "n+2" or "ni2"',
    ],
    [
      { version: 2, shape: [2 ** 40, 2 ** 40, 2], values: [] },
      '1099511627776×1099511627776×2 voxels are more than any file holds',
    ],
    [{ shape: [1025, 1024, 1024], values: [] }, 'has 1025×1024×1024 voxels; at most 1073741824 are read'],
  ])('refuses %j', async (fixture, fault) => {
    expect(await messageOf(read(fixture))).toBe(`case.nii: ${fault}`);
  });
});

describe('where the voxels start', () => {
  it('passes over extensions, whatever they hold', async () => {
    // An extension of size −16, and one of +16 before it: a reader that follows them goes round for ever.
    const extension = new Uint8Array(64);
    new DataView(extension.buffer).setInt32(0, -16, true);
    expect([...(await read({ extension })).data]).toEqual([...Array(24).keys()]);
  });

  it('takes 0 in a single file for "right after the header"', async () => {
    expect((await read({ voxOffset: 0 })).data[23]).toBe(23);
    expect((await read({ voxOffset: 0, version: 2 })).data[23]).toBe(23);
  });

  it.each([100, 351, 352.5, -352, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses vox_offset %d',
    async (voxOffset) => {
      expect(await messageOf(read({ voxOffset }))).toMatch(
        /^case\.nii: vox_offset is .*, expected a whole number of/,
      );
    },
  );

  it('refuses to pass over more than extensions take, or more than there is', async () => {
    expect(await messageOf(read({ voxOffset: 2 ** 30 }))).toMatch(
      /^case\.nii: vox_offset leaves \d+ bytes to ext/,
    );
    expect(await messageOf(read({ voxOffset: 4096 }))).toBe('case.nii: the file ends before its voxels');
  });
});

describe('pairs', () => {
  for (const [version, magic] of [
    [1, 'ni1\0'],
    [2, 'ni2\0\r\n\x1a\n'],
  ] as const) {
    it(`NIfTI-${version}: header and image are two files`, async () => {
      const header = niftiHeader({ version, magic, voxOffset: 16 });
      const image = concatenate(new Uint8Array(16), niftiVoxels());
      const { data } = await readNifti(sourceOf('p.hdr', header), sourceOf('p.img', image));
      expect([...data]).toEqual([...Array(24).keys()]);
      const cut = readNifti(sourceOf('p.hdr', header), sourceOf('p.img', image.subarray(0, 40)));
      expect(await messageOf(cut)).toBe('p.img: the voxels are cut short: 24 of 48 bytes');
    });
  }

  it('refuses half a pair and a single file in one', async () => {
    const half = readNifti(sourceOf('p.nii', niftiHeader({ magic: 'ni1\0' })));
    expect(await messageOf(half)).toBe('p.nii: the header of a pair, without its .img file');
    const single = readNifti(sourceOf('p.hdr', niftiFile()), sourceOf('p.img', niftiVoxels()));
    expect(await messageOf(single)).toBe('p.hdr: the magic of a single file, in a .hdr/.img pair');
  });
});

describe('streams', () => {
  const shape = [80, 90, 100];
  const values = Float32Array.from({ length: 720_000 }, (_, i) => (i % 4001) - 1000);

  it('reads the same whatever the chunks', async () => {
    const bytes = niftiFile({ shape, values, datatype: 16, littleEndian: false });
    const gz = await collect(gzip(chunksOf(bytes, 1 << 16)));
    for (const chunkBytes of [777, 1 << 20, bytes.length]) {
      expect((await readNifti(sourceOf('a.nii', bytes, chunkBytes))).data).toEqual(values);
      expect((await readNifti(sourceOf('a.nii.gz', gz, chunkBytes))).data).toEqual(values);
    }
    const small = niftiFile();
    expect((await readNifti(sourceOf('a.nii', small, 1))).data[23]).toBe(23);
  });

  it('reads gzip of several members, and padded with zeros, wherever chunks end', async () => {
    const bytes = niftiFile();
    const member = (part: Uint8Array) => collect(gzip(chunksOf(part, 100)));
    const members = [await member(bytes.subarray(0, 99)), await member(bytes.subarray(99))];
    const gz = concatenate(...members, new Uint8Array(50));
    for (let end = 1; end < gz.length; end++) {
      const source = async function* () {
        yield gz.subarray(0, end);
        yield gz.subarray(end);
      };
      expect((await readNifti({ name: 'a.nii.gz', bytes: source() })).data[23]).toBe(23);
    }
  });

  it('lets the source go when only the header is wanted, and when the file is refused', async () => {
    const opened: string[] = [];
    async function* watched(name: string, bytes: Uint8Array) {
      opened.push(name);
      try {
        yield* chunksOf(bytes, 100);
      } finally {
        opened.splice(opened.indexOf(name), 1);
      }
    }
    const next = random(1);
    const noise = values.map(() => next());
    const gz = await collect(gzip(chunksOf(niftiFile({ shape, values: noise, datatype: 16 }))));
    const nifti = await openNifti({ name: 'a.nii.gz', bytes: watched('gz', gz) });
    expect(opened).toEqual(['gz']);
    await nifti.cancel();
    expect(opened).toEqual([]);
    await messageOf(readNifti({ name: 'b.nii', bytes: watched('plain', niftiFile({ dim0: 0 })) }));
    expect(opened).toEqual([]);
  });

  it('hands on what the source throws', async () => {
    async function* failing() {
      yield niftiFile().subarray(0, 100);
      throw new InputError('a.nii.gz: the disk is on fire');
    }
    expect(await messageOf(readNifti({ name: 'a.nii', bytes: failing() }))).toBe(
      'a.nii.gz: the disk is on fire',
    );
  });
});

describe('label maps', () => {
  const labels = (fixture: NiftiFixture) => readLabels(sourceOf('l.nii', niftiFile(fixture)));

  it('reads whole numbers of any type as bytes', async () => {
    for (const datatype of [2, 4, 8, 1024, 16, 64]) {
      const { data } = await labels({ datatype, values: [0, 13, 255], shape: [3] });
      expect(data).toEqual(Uint8Array.from([0, 13, 255]));
    }
  });

  it.each([
    [4, 256],
    [4, -1],
    [16, 1.5],
    [64, Number.NaN],
    [8, 2 ** 30],
  ])('refuses, of type %d, the label %d', async (datatype, value) => {
    expect(await messageOf(labels({ datatype, values: [1, value], shape: [2] }))).toBe(
      `l.nii: voxel (1, 0, 0) is ${value}; labels are whole numbers from 0 to 255`,
    );
  });

  it('says that the header’s slope made a label of no whole number', async () => {
    const scaled = labels({ values: [0, 0, 1], shape: [3], slope: 0.5, intercept: 0.25 });
    expect(await messageOf(scaled)).toBe(
      'l.nii: voxel (0, 0, 0) is 0.25; labels are whole numbers from 0 to 255; the header made it, by scl_slope 0.5 and scl_inter 0.25',
    );
  });
});
