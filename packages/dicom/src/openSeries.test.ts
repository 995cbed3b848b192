/** What a folder of DICOM files becomes, and what of it is refused, without a word of whom it shows. */

import { deflateRawSync } from 'node:zlib';
import { spacingOf } from '@organseg/core/volume/affine.ts';
import { readScan } from '@organseg/core/volume/volumeStream.ts';
import { describe, expect, it, test } from 'vitest';
import { readContents } from './contents.ts';
import {
  COMPRESSED_FRAMES,
  compressedSlice,
  dicomFile,
  dicomSeries,
  dicomSlice,
  inFragments,
  LOSSY_FRAMES,
  PATIENT,
  type SliceFixture,
} from './dicomFixture.ts';
import type { DicomFile } from './elements.ts';
import { openSeries } from './openSeries.ts';

const open = async (files: readonly DicomFile[], series?: string) =>
  openSeries(await readContents(files), 'FOLDER', series);
const read = async (files: readonly DicomFile[], series?: string) => readScan(await open(files, series));

/** What reading says, refused or not. */
async function faultOf(files: readonly DicomFile[], series?: string): Promise<string> {
  const fault = await read(files, series).then(
    () => 'none',
    (error: Error) => `${error.name}: ${error.message}`,
  );
  for (const secret of Object.values(PATIENT)) expect(fault).not.toContain(secret);
  expect(fault).not.toContain('SECRET');
  expect(fault.split('\n')).toHaveLength(1);
  return fault;
}

/** HU of the fixture's slices: stored values less 1024, rows from the last to the first. */
const plane = (index: number) =>
  [8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3].map((value) => 100 * index + value - 1024);

test('slices lie in the order of space, whatever their files are called, rows from back to front', async () => {
  const [a, b, c] = dicomSeries(3);
  const scan = await read([c!, a!, b!]);
  expect(scan.shape).toEqual([4, 3, 3]);
  expect([...scan.data]).toEqual([0, 1, 2].flatMap(plane));
  // The first pixel is 10 mm to the right and 20 mm to the front; rows are 1.5 mm apart.
  expect([...scan.affine]).toEqual([-2, 0, 0, 10, 0, 1.5, 0, 17, 0, 0, 5, 30, 0, 0, 0, 1]);
});

test('an oblique series keeps its directions', async () => {
  const [c, s] = [0.8, 0.6];
  const scan = await read(
    dicomSeries(3, (i) => ({
      ImageOrientationPatient: [c, s, 0, 0, 0, -1],
      // The normal, row × column, is (−s, c, 0).
      ImagePositionPatient: [-s * 4 * i, c * 4 * i, 100],
    })),
  );
  const expected = [-2 * c, 0, 4 * s, 0, -2 * s, 0, -4 * c, 0, 0, 1.5, 0, 97, 0, 0, 0, 1];
  for (const [i, value] of expected.entries()) expect(scan.affine[i]).toBeCloseTo(value, 10);
});

describe('values', () => {
  const valuesOf = async (changed: SliceFixture) =>
    [...(await read([dicomSlice(0, changed)])).data].slice(0, 4);
  const stored = (...values: number[]) => [
    Uint16Array.from([...new Array<number>(8).fill(0), ...values]).buffer,
  ];

  it('apply slope and intercept of each slice', async () => {
    const scan = await read(dicomSeries(2, (i) => ({ RescaleSlope: i + 0.5, RescaleIntercept: i })));
    expect([...scan.data]).toEqual([
      ...plane(0).map((value) => (value + 1024) * 0.5),
      ...plane(1).map((value) => (value + 1024) * 1.5 + 1),
    ]);
    expect(scan.data).toBeInstanceOf(Float32Array);
  });
  it('are 16-bit integers where all that can be stored is', async () => {
    const scan = await read(dicomSeries(2, { BitsStored: 12, HighBit: 11, PixelRepresentation: 0 }));
    expect(scan.data).toBeInstanceOf(Int16Array);
  });
  it('are taken from the stored bits alone, with their sign', async () => {
    const bits = {
      BitsStored: 12,
      HighBit: 11,
      RescaleIntercept: 0,
      PixelData: stored(0xf001, 0x0fff, 0x5800, 7),
    };
    expect(await valuesOf({ ...bits, PixelRepresentation: 1 })).toEqual([1, -1, -2048, 7]);
    expect(await valuesOf({ ...bits, PixelRepresentation: 0 })).toEqual([1, 4095, 2048, 7]);
    const high = { ...bits, HighBit: 15, PixelData: stored(0x001f, 0xffff, 0x8000, 0x7ff0) };
    expect(await valuesOf({ ...high, PixelRepresentation: 1 })).toEqual([1, -1, -2048, 2047]);
  });
  it('of 8 bits are read', async () => {
    const bytes = { BitsAllocated: 8, BitsStored: 8, HighBit: 7, PixelRepresentation: 0 };
    const PixelData = [Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 255]).buffer];
    expect(await valuesOf({ ...bytes, PixelData, RescaleIntercept: 0 })).toEqual([1, 2, 3, 255]);
  });
  it('take padding brighter than CT’s scale for air, and keep other padding', async () => {
    const bright = { PixelRepresentation: 0, PixelPaddingValue: 63536, PixelData: stored(63536, 5, 6, 7) };
    expect(await valuesOf(bright)).toEqual([-1024, -1019, -1018, -1017]);
    const dark = { PixelPaddingValue: -2000, PixelData: stored(63536, 5, 6, 7) };
    expect(await valuesOf(dark)).toEqual([-3024, -1019, -1018, -1017]);
  });
});

describe('files', () => {
  const [preamble, rest] = [132, 132 + 12];
  const bytesOf = async (index: number) => await dicomSlice(index).read();

  it('are read without a preamble, and without a header of their own', async () => {
    const bytes = await bytesOf(0);
    const metaBytes = new DataView(bytes.buffer).getUint32(preamble + 8, true);
    for (const from of [preamble, rest + metaBytes]) {
      const scan = await read([dicomFile('bare', bytes.slice(from)), dicomSlice(1)]);
      expect([...scan.data]).toEqual([0, 1].flatMap(plane));
    }
  });
  it('are read deflated', async () => {
    const deflated = async (index: number) => {
      const bytes = await dicomSlice(index, { transferSyntax: '1.2.840.10008.1.2.1.99' }).read();
      const end = rest + new DataView(bytes.buffer).getUint32(preamble + 8, true);
      return dicomFile(
        'deflated',
        Uint8Array.from([...bytes.slice(0, end), ...deflateRawSync(bytes.slice(end))]),
      );
    };
    const scan = await read([await deflated(0), await deflated(1)]);
    expect([...scan.data]).toEqual([0, 1].flatMap(plane));
  });
  it('that are no slices are passed over, and said', async () => {
    const text = dicomFile('notes.txt', new TextEncoder().encode('Abdomen, portal venous phase'));
    const report = { PixelData: undefined, Rows: undefined };
    const others = [
      text,
      dicomSlice(0, { SeriesInstanceUID: '9.1', ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] }),
      dicomSlice(0, { SeriesInstanceUID: '9.2', SOPClassUID: '1.2.840.10008.5.1.4.1.1.7', Modality: 'OT' }),
      dicomSlice(0, {
        SeriesInstanceUID: '9.3',
        SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.67',
        Modality: 'SR',
        ...report,
      }),
      dicomSlice(0, { SOPClassUID: '1.2.840.10008.1.3.10', ...report }),
    ];
    const scan = await read([...others, ...dicomSeries(2)]);
    expect([...scan.data]).toEqual([0, 1].flatMap(plane));
    expect(scan.doubts).toContainEqual({
      about: 'series',
      text: 'passed over: 1 file not DICOM, 1 localizer, 1 secondary capture, 1 report',
    });
    expect(await faultOf(others)).toMatch(
      /^InputError: FOLDER: holds no slices of CT, MR or PET; passed over: 1 file/,
    );
  });
  it('that are there twice count once', async () => {
    const { data, doubts } = await read([...dicomSeries(2), dicomSlice(1, { name: 'copy' })]);
    expect([...data]).toEqual([0, 1].flatMap(plane));
    expect(doubts[0]).toEqual({ about: 'series', text: 'passed over: 1 slice that is there twice' });
  });
});

describe('several series', () => {
  const files = [
    ...dicomSeries(2),
    ...dicomSeries(3, (i) => ({
      SOPInstanceUID: `5.${i}`,
      SeriesInstanceUID: '1.9',
      SeriesNumber: 3,
      SeriesDescription: 'Thorax 1.0',
    })),
  ];
  it('are listed', async () => {
    expect(await faultOf(files)).toBe(
      'InputError: FOLDER: holds 2 series: 2 "Abdomen 5.0", CT, 2 slices; 3 "Thorax 1.0", CT, 3 slices; ' +
        'choose one by its number (predict, info: --series), or keep one in the folder',
    );
  });
  it.each(['3', '1.9', 'thorax 1.0'])('are chosen among by %s', async (series) => {
    expect((await read(files, series)).shape).toEqual([4, 3, 3]);
  });
  it('of one number are listed with the UIDs that tell them apart', async () => {
    const alike = [
      ...dicomSeries(2),
      ...dicomSeries(2, (i) => ({ SOPInstanceUID: `5.${i}`, SeriesInstanceUID: '1.9' })),
    ];
    expect(await faultOf(alike)).toMatch(/CT, 2 slices, 1\.9; choose one by its UID /);
  });
  it('do not hold one that nobody has', async () => {
    expect(await faultOf(files, '4')).toMatch(
      /^InputError: FOLDER: holds no series called 4: 2 "Abdomen 5\.0"/,
    );
  });
});

const four = (at: number, changed: SliceFixture) => dicomSeries(4, (i) => (i === at ? changed : {}));
const REFUSED: [what: string, files: DicomFile[], fault: string | RegExp][] = [
  [
    'a missing slice',
    dicomSeries(6).toSpliced(2, 2),
    'FOLDER: 2 slices missing: 15 mm between slice1 and slice4, elsewhere 5 mm',
  ],
  [
    'uneven slices',
    four(3, { ImagePositionPatient: [-10, -20, 47] }),
    'FOLDER: slices are unevenly apart: 7 mm between slice2 and slice3, elsewhere 5 mm',
  ],
  [
    'two slices in one place',
    [...dicomSeries(3), dicomSlice(1, { name: 'again', SOPInstanceUID: '7', AcquisitionNumber: 2 })],
    /^again: lies in the same place as slice1/,
  ],
  ...[{ EchoTime: 9 }, { DiffusionBValue: 9 }, { TemporalPositionIdentifier: 9 }].map(
    (phase): [string, DicomFile[], string] => {
      const name = Object.keys(phase)[0]!;
      const other = dicomSlice(1, { name: 'again', SOPInstanceUID: '7', ...phase });
      return [
        `a second scan by ${name}`,
        [...dicomSeries(3, { [name]: 4 }), other],
        `again: lies in the same place as slice1 (${name} 4 and 9): keep one scan of the series in the folder`,
      ];
    },
  ),
  [
    'a slice of another size',
    four(1, { Rows: 2, PixelData: [new ArrayBuffer(16)] }),
    'slice1: has 4×2 pixels, slice0 of its series has 4×3 pixels',
  ],
  [
    'a slice of another spacing',
    four(2, { PixelSpacing: [1, 1] }),
    'slice2: has pixels of 1 × 1 mm, slice0 of its series has pixels of 2 × 1.5 mm',
  ],
  [
    'a slice of another orientation',
    four(0, { ImageOrientationPatient: [0, 1, 0, 0, 0, -1] }),
    'slice0: has the orientation 0, 1, 0, 0, 0, -1, slice1 of its series has the orientation 1, 0, 0, 0, 1, 0',
  ],
  [
    'another frame of reference',
    four(3, { FrameOfReferenceUID: '8' }),
    /^slice3: has the frame of reference 8, /,
  ],
  [
    'a tilted gantry',
    dicomSeries(4, (i) => ({ ImagePositionPatient: [-10, -20 + i, 30 + 5 * i] })),
    /^FOLDER: slices are shifted by 11\.3° against their normal, as a tilted gantry leaves them/,
  ],
  [
    'a slice beside the others',
    four(1, { ImagePositionPatient: [-8, -20, 35] }),
    'slice1: lies 2 mm off the line of the other slices',
  ],
  ['no position', four(2, { ImagePositionPatient: undefined }), 'slice2: has no ImagePositionPatient'],
  [
    'no orientation',
    four(2, { ImageOrientationPatient: undefined }),
    'slice2: has no ImageOrientationPatient',
  ],
  [
    'an orientation that is none',
    four(1, { ImageOrientationPatient: [1, 0, 0, 1, 0, 0] }),
    /^slice1: ImageOrientationPatient is no pair/,
  ],
  [
    'another patient',
    four(2, { PatientID: 'SECRET43' }),
    'slice2: has another PatientID than slice0 of its series',
  ],
  ['a slope of 0', four(1, { RescaleSlope: 0 }), 'slice1: RescaleSlope is 0, RescaleIntercept -1024'],
  [
    'bits that do not fit',
    four(1, { BitsStored: 12, HighBit: 10 }),
    'slice1: BitsStored is 12, HighBit 10, of 16 bits',
  ],
  ['packed bits', four(1, { BitsAllocated: 12 }), 'slice1: BitsAllocated is 12, expected 8, 16 or 32'],
  [
    'colours of a palette',
    four(1, { PhotometricInterpretation: 'PALETTE COLOR' }),
    'slice1: PhotometricInterpretation is PALETTE COLOR, expected MONOCHROME2',
  ],
  [
    'a zip of slices, which is not unpacked',
    [dicomFile('study.zip', new TextEncoder().encode('PK'))],
    'FOLDER: holds no slices of CT, MR or PET; passed over: 1 zip',
  ],
  [
    'frames without places',
    four(1, { NumberOfFrames: 2 }),
    'slice1: has 2 frames and does not say where they lie',
  ],
  [
    'too few pixels',
    four(3, { PixelData: [new ArrayBuffer(20)] }),
    'slice3: its pixels are cut short: 20 of 24 bytes',
  ],
  [
    'compressed pixels that are broken',
    dicomSeries(2, { transferSyntax: '1.2.840.10008.1.2.4.70' }),
    'slice0: its compressed pixels cannot be read: they are cut short or damaged',
  ],
];
test.each(REFUSED)('%s is refused', async (_, files, fault) => {
  const told = await faultOf(files);
  expect(told.replace('InputError: ', '')).toEqual(
    typeof fault === 'string' ? fault : expect.stringMatching(fault),
  );
});

test('an oblique series is upright, though its directions are rounded to four decimals', async () => {
  const normal = [0, -0.213, 0.977].map((each) => each / Math.hypot(0.213, 0.977));
  const slices = dicomSeries(3, (i) => ({
    ImageOrientationPatient: [1, 0, 0, 0, 0.977, 0.213],
    ImagePositionPatient: normal.map((each) => Number((5 * i * each).toFixed(6))),
  }));
  const { shape, affine } = await read(slices);
  expect(shape).toEqual([4, 3, 3]);
  expect(spacingOf(affine)[2]).toBeCloseTo(5, 4);
});

test('a decimal comma is a point, in sequences too', async () => {
  const commas = (changed: SliceFixture) => ({ ...changed, PixelSpacing: ['1,5', '2,25'] });
  const { affine } = await read(dicomSeries(3, commas({})));
  expect(spacingOf(affine)).toEqual([2.25, 1.5, 5]);
  const PixelMeasuresSequence = [commas({ SliceThickness: 5 })];
  const PlaneOrientationSequence = [{ ImageOrientationPatient: [1, 0, 0, 0, 1, 0] }];
  const shared = { SharedFunctionalGroupsSequence: [{ PlaneOrientationSequence, PixelMeasuresSequence }] };
  const enhanced = await open([enhancedSlice({ ...shared, PixelData: [new ArrayBuffer(48)] })]);
  expect(spacingOf(enhanced.header.affine)).toEqual([2.25, 1.5, 5]);
});

test('zeros behind the pixels are no element', async () => {
  const padded = Uint8Array.from([...(await dicomSlice(1).read()), ...new Array<number>(1000).fill(0)]);
  const { data } = await read([dicomSlice(0), dicomFile('padded', padded), dicomSlice(2)]);
  expect([...data]).toEqual([0, 1, 2].flatMap(plane));
});

test('slices that their numbers alone miss are said', async () => {
  const { doubts } = await open(dicomSeries(7).filter((_, i) => i % 2 === 0));
  expect(doubts).toEqual([
    { about: 'series', text: '4 slices, numbered 1 to 7 (InstanceNumber): 3 may be missing' },
  ]);
  expect((await open(dicomSeries(3))).doubts).toEqual([]);
});

test.each(['NumberOfSlices', 'ImagesInAcquisition'])('fewer slices than %s are said', async (name) => {
  const doubtsOf = async (count: number) => (await open(dicomSeries(4, { [name]: count }))).doubts;
  expect(await doubtsOf(4)).toEqual([]);
  expect(await doubtsOf(3)).toEqual([]);
  expect(await doubtsOf(6)).toEqual([
    {
      about: 'series',
      text: '4 slices of 6 that their files state (NumberOfSlices or ImagesInAcquisition): 2 may be missing',
    },
  ]);
});

test('values to be shown inverted are read as stored, and that is said', async () => {
  const { doubts, data } = await read(dicomSeries(1, { PhotometricInterpretation: 'MONOCHROME1' }));
  expect([...data]).toEqual(plane(0));
  expect(doubts).toContainEqual({
    about: 'values',
    text: 'to be shown inverted (MONOCHROME1); values are read as stored',
  });
});

test('a description that names the patient is not shown, nor what moves the cursor', async () => {
  const { series } = await open(dicomSeries(2, { SeriesDescription: 'Abdomen (Jane)' }));
  expect(series.description).toBeUndefined();
  for (const [description, identity] of [
    ['ABDOMENSMITH 1.0', { PatientName: 'Smith^Jane' }],
    ['Mueller_Muller Thorax', { SpecificCharacterSet: 'ISO_IR 192', PatientName: 'Müller^Eva' }],
    ['Becken von Yamada', { PatientName: 'X^Y', OtherPatientNames: 'Yamada^Tarou' }],
    ['Kopf 31.12.1970', { PatientBirthDate: '19701231' }],
    ['Kopf pid4711', { PatientID: '4711' }],
  ] as const) {
    const { series } = await open(dicomSeries(2, { SeriesDescription: description, ...identity }));
    expect(series.description, description).toBeUndefined();
  }
  const short = { SeriesDescription: 'Abdomen 31', PatientName: 'Do^Al', PatientID: '3' };
  expect((await open(dicomSeries(2, short))).series.description).toBe('Abdomen 31');
  const moving = await open(dicomSeries(2, { SeriesDescription: 'Abdomen\u001b[31m' }));
  expect(moving.series.description).toBe('Abdomen[31m');
});

test('a single slice is as thick as it says, whatever the sign', async () => {
  const [slice] = dicomSeries(1, { SpacingBetweenSlices: -4 });
  const { affine } = await read([slice!]);
  expect(spacingOf(affine)).toEqual([2, 1.5, 4]);
});

test.each([
  ['several', ['', 'ISO 2022 IR 87']],
  ['an unknown one', 'UTF-8'],
])('texts by %s of the character sets keep no scan from being read', async (_, SpecificCharacterSet) => {
  const slices = dicomSeries(3, { SpecificCharacterSet, PatientName: 'Yamada^Tarou=\u001b$B;3ED\u001b(B' });
  const { shape } = await read(slices);
  expect(shape).toEqual([4, 3, 3]);
});

test('a file that is cut short is refused by its name', async () => {
  const whole = await dicomSlice(1).read();
  for (const bytes of [whole.slice(0, -10), whole.slice(0, 400), whole.slice(0, 200)])
    expect(await faultOf([dicomSlice(0), dicomFile('cut', bytes), dicomSlice(2)])).toMatch(
      /^InputError: cut: .*cut short/,
    );
});

test('what is no CT, or not in HU, is doubted', async () => {
  const aboutValues = async (changed: SliceFixture) =>
    (await open(dicomSeries(2, changed))).doubts.filter(({ about }) => about === 'values');
  expect(await aboutValues({})).toEqual([]);
  expect(await aboutValues({ RescaleType: 'HU' })).toEqual([]);
  expect(await aboutValues({ RescaleType: 'US' })).toEqual([
    { about: 'values', text: 'RescaleType is US; are these HU?' },
  ]);
  const mr = {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.4',
    Modality: 'MR',
    RescaleSlope: undefined,
    RescaleIntercept: undefined,
  };
  expect(await aboutValues(mr)).toEqual([{ about: 'values', text: 'the series is MR, not CT' }]);
});

/** An enhanced image of two frames, 5 mm apart, the first of which lies above the other, and is doubled. */
function enhancedSlice(changed: SliceFixture): DicomFile {
  const frame = (index: number) => ({
    PlanePositionSequence: [{ ImagePositionPatient: [-10, -20, 30 + 5 * index] }],
    PixelValueTransformationSequence: [{ RescaleSlope: index + 1, RescaleIntercept: 0, RescaleType: 'HU' }],
  });
  return dicomSlice(0, {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.2.1',
    NumberOfFrames: 2,
    ImagePositionPatient: undefined,
    ImageOrientationPatient: undefined,
    PixelSpacing: undefined,
    SharedFunctionalGroupsSequence: [
      {
        PlaneOrientationSequence: [{ ImageOrientationPatient: [1, 0, 0, 0, 1, 0] }],
        PixelMeasuresSequence: [{ PixelSpacing: [1.5, 2], SliceThickness: 5 }],
      },
    ],
    PerFrameFunctionalGroupsSequence: [frame(1), frame(0)],
    ...changed,
  });
}

test('an enhanced multi-frame image is a scan by itself', async () => {
  const scan = await read([
    enhancedSlice({ PixelData: [Int16Array.from({ length: 24 }, (_, i) => i).buffer] }),
  ]);
  const rows = (from: number) => [8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3].map((value) => from + value);
  expect([...scan.data]).toEqual([...rows(12), ...rows(0).map((value) => 2 * value)]);
  expect(scan.affine[11]).toBe(30);
});

const IN_MARKS = Object.keys(COMPRESSED_FRAMES).filter((syntax) => syntax !== '1.2.840.10008.1.2.5');
test.each(IN_MARKS)('frames in %s are told apart by their marks, where no table does', async (syntax) => {
  const bytes = Uint8Array.from(atob(COMPRESSED_FRAMES[syntax]!), (c) => c.charCodeAt(0));
  const frame = bytes.length % 2 ? Uint8Array.from([...bytes, 0]) : bytes;
  const middle = 2 * (frame.length >> 2);
  const file = enhancedSlice({ transferSyntax: syntax, Rows: 6, Columns: 8 });
  const scan = await read([
    await inFragments(file, [frame.slice(0, middle), frame.slice(middle), frame]), // in two parts, and whole
  ]);
  const { data: one } = await read([compressedSlice(syntax)]);
  expect([...scan.data]).toEqual([...one, ...one.map((value) => 2 * value)]);
  const cut = await inFragments(file, [frame.slice(0, middle), frame.slice(0, middle), frame]);
  expect(await faultOf([cut])).toMatch(/slice0: its compressed pixels cannot be read/);
});

/** The values of the compressed frame, the first row of which is the last. */
const FRAME_VALUES = [5, 4, 3, 2, 1, 0].flatMap((y) =>
  Array.from({ length: 8 }, (_, x) => (x * 37 - y * 91) * ((x + y) % 2 ? 1 : -3) + 0),
);

test.each(Object.keys(COMPRESSED_FRAMES))('pixels in %s are decoded', async (transferSyntax) => {
  const scan = await read([compressedSlice(transferSyntax)]);
  expect([...scan.data]).toEqual(FRAME_VALUES);
});

test.each(Object.keys(LOSSY_FRAMES))('pixels in %s are decoded within their loss', async (transferSyntax) => {
  const { data } = await read([compressedSlice(transferSyntax)]);
  const off = FRAME_VALUES.map((value, i) => Math.abs(value - data[i]!));
  expect(Math.max(...off)).toBeLessThanOrEqual(3); // as the encoders were told, or do
  expect(Math.max(...off)).toBeGreaterThan(0);
});

test.each(['50', '51', '201'])('pixels in 1.2.840.10008.1.2.4.%s are refused by its name', async (end) => {
  const transferSyntax = `1.2.840.10008.1.2.4.${end}`;
  expect(await faultOf(dicomSeries(2, { transferSyntax }))).toMatch(
    /^InputError: slice0: its transfer syntax, [\w -]*JPEG[\w -]* \([\d.]+\), is not read: decompress it$/,
  );
});

const swapped = (value: number) => ((value & 255) << 8) | (value >> 8);

test('big-endian files are read', async () => {
  const big = dicomSeries(2, (index) => ({
    transferSyntax: '1.2.840.10008.1.2.2',
    PixelData: [Uint16Array.from({ length: 12 }, (_, i) => swapped(100 * index + i)).buffer],
  }));
  expect([...(await read(big)).data]).toEqual([0, 1].flatMap(plane));
});
