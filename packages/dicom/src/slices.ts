/** The slices of a DICOM file: one of most files, of an enhanced multi-frame image as many as it has frames. */
import { InputError } from '@organseg/core/inputError.ts';
import { dot } from '@organseg/core/volume/vectors.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { type DicomFile, type DicomObject, Elements } from './elements.ts';

/** How the pixels of a slice are stored. */
export interface PixelFormat {
  readonly transferSyntax: string;
  readonly columns: number;
  readonly rows: number;
  readonly frames: number;
  /** 8, 16 or 32. */
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  /** Stored values that stand for "no pixel", as the file writes them: the first and the last. */
  readonly padding: readonly [number, number] | undefined;
}

export interface DicomSlice {
  readonly file: DicomFile;
  /** The number of its frame in the file, from 0. */
  readonly frame: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly frameOfReferenceUid: string | undefined;
  /** The number of its file in the series; undefined of a frame among others. */
  readonly instanceNumber: number | undefined;
  /** How many slices its file says that the series, or the acquisition, has; undefined of a frame among others. */
  readonly statedSlices: number | undefined;
  /** What tells it from others in its place: values of attributes by their names. */
  readonly phase: ReadonlyMap<string, number>;
  /** Whether the values are meant to be shown with the lowest the brightest. */
  readonly isInverted: boolean;
  /** Centre of the first pixel in mm, in DICOM's axes: to the left, to the back, to the head. */
  readonly position: Xyz;
  /** Unit vectors along a row, and along a column. */
  readonly alongRow: Xyz;
  readonly alongColumn: Xyz;
  /** Distance in mm of neighbouring columns, and of neighbouring rows. */
  readonly spacingMm: readonly [number, number];
  readonly thicknessMm: number | undefined;
  /** value = slope · stored + intercept */
  readonly slope: number;
  readonly intercept: number;
  /** The unit of values as RescaleType names it. */
  readonly unit: string | undefined;
  readonly pixels: PixelFormat;
}

/** How far from 1 the length of an orientation's vectors may be, and their product from 0. */
const ORIENTATION_TOLERANCE = 1e-3;

/** The slices of an image. Throws InputError that names the file and what is missing or impossible. */
export function slicesOf({ elements, transferSyntax }: DicomObject, file: DicomFile): DicomSlice[] {
  const fault = (text: string) => new InputError(`${file.name}: ${text}`);
  const pixels = pixelFormat(elements, transferSyntax, fault);
  const whole = {
    file,
    sopClassUid: elements.text('SOPClassUID') ?? '',
    sopInstanceUid: elements.text('SOPInstanceUID') ?? '',
    frameOfReferenceUid: elements.text('FrameOfReferenceUID'),
    ...(pixels.frames > 1 ? { instanceNumber: undefined, statedSlices: undefined } : countsIn(elements)),
    isInverted: elements.text('PhotometricInterpretation') === 'MONOCHROME1',
    pixels,
  };
  if (!elements.has('PerFrameFunctionalGroupsSequence')) {
    if (pixels.frames > 1) throw fault(`has ${pixels.frames} frames and does not say where they lie`);
    if (elements.has('ModalityLUTSequence'))
      throw fault('its values are those of a table, which is not read');
    return [{ ...whole, frame: 0, ...placeOf([elements], fault), ...rescaleOf([elements], fault) }];
  }
  const [shared] = elements.items('SharedFunctionalGroupsSequence');
  const frames = elements.items('PerFrameFunctionalGroupsSequence');
  if (frames.length !== pixels.frames)
    throw fault(`has ${pixels.frames} frames and describes ${frames.length} of them`);
  return frames.map((own, frame) => {
    const groups = [own, ...(shared ? [shared] : [])].flatMap((item) =>
      GROUPS.flatMap((name) => item.items(name)),
    );
    return { ...whole, frame, ...placeOf(groups, fault), ...rescaleOf(groups, fault) };
  });
}

const countsIn = (elements: Elements) => ({
  instanceNumber: elements.number('InstanceNumber'),
  statedSlices: elements.number('NumberOfSlices') ?? elements.number('ImagesInAcquisition'),
});

/** Attributes by which slices in one place differ, of several scans in one series. */
const PHASES = [
  'AcquisitionNumber',
  'FrameAcquisitionNumber',
  'EchoTime',
  'EffectiveEchoTime',
  'DiffusionBValue',
  'InversionTime',
  'TriggerTime',
  'TemporalPositionIdentifier',
  'TemporalPositionIndex',
];

/** The functional groups that place a frame, tell it from others and scale its values. */
const GROUPS = [
  'PlanePositionSequence',
  'PlaneOrientationSequence',
  'PixelMeasuresSequence',
  'PixelValueTransformationSequence',
  'FrameContentSequence',
  'MREchoSequence',
  'MRDiffusionSequence',
];

type Fault = (text: string) => InputError;

/** The first of the items that has an element. */
const holderOf = (items: readonly Elements[], name: string): Elements =>
  items.find((item) => item.has(name)) ?? NONE;
const NONE = new Elements({});

function placeOf(items: readonly Elements[], fault: Fault) {
  const numbers = (name: string, count: number): number[] => {
    const values = holderOf(items, name).numbers(name);
    if (!values.length) throw fault(`has no ${name}`);
    if (values.length !== count || !values.every(Number.isFinite))
      throw fault(`${name} expects ${count} numbers, got ${values.join(', ')}`);
    return values;
  };
  const [x, y, z] = numbers('ImagePositionPatient', 3);
  const [rx, ry, rz, cx, cy, cz] = numbers('ImageOrientationPatient', 6);
  const [betweenRows, betweenColumns] = numbers('PixelSpacing', 2);
  const [alongRow, alongColumn]: [Xyz, Xyz] = [
    [rx!, ry!, rz!],
    [cx!, cy!, cz!],
  ];
  const off = [Math.hypot(...alongRow) - 1, Math.hypot(...alongColumn) - 1, dot(alongRow, alongColumn)];
  if (off.some((each) => Math.abs(each) > ORIENTATION_TOLERANCE))
    throw fault('ImageOrientationPatient is no pair of unit vectors at right angles');
  if (!(betweenRows! > 0 && betweenColumns! > 0))
    throw fault(`PixelSpacing is ${betweenRows}, ${betweenColumns}`);
  const text = (name: string) => holderOf(items, name).text(name);
  return {
    position: [x!, y!, z!] satisfies Xyz,
    alongRow,
    alongColumn,
    spacingMm: [betweenColumns!, betweenRows!] as const,
    // Some writers give it the sign of their slices' order.
    thicknessMm:
      Math.abs(Number(text('SpacingBetweenSlices') ?? text('SliceThickness') ?? Number.NaN)) || undefined,
    phase: new Map(PHASES.map((name) => [name, holderOf(items, name).number(name) ?? Number.NaN] as const)),
  };
}

function rescaleOf(items: readonly Elements[], fault: Fault) {
  const number = (name: string, otherwise: number) => holderOf(items, name).number(name) ?? otherwise;
  const [slope, intercept] = [number('RescaleSlope', 1), number('RescaleIntercept', 0)];
  if (!Number.isFinite(slope) || slope === 0 || !Number.isFinite(intercept))
    throw fault(`RescaleSlope is ${slope}, RescaleIntercept ${intercept}`);
  return { slope, intercept, unit: holderOf(items, 'RescaleType').text('RescaleType') };
}

function pixelFormat(elements: Elements, transferSyntax: string, fault: Fault): PixelFormat {
  const whole = (name: string, otherwise?: number): number => {
    const value = elements.number(name) ?? otherwise;
    if (value === undefined) throw fault(`has no ${name}`);
    if (!Number.isInteger(value) || value < 0) throw fault(`${name} is ${value}`);
    return value;
  };
  const bitsAllocated = whole('BitsAllocated');
  if (![8, 16, 32].includes(bitsAllocated))
    throw fault(`BitsAllocated is ${bitsAllocated}, expected 8, 16 or 32`);
  const bitsStored = whole('BitsStored', bitsAllocated);
  const highBit = whole('HighBit', bitsStored - 1);
  if (bitsStored < 1 || highBit >= bitsAllocated || highBit + 1 < bitsStored)
    throw fault(`BitsStored is ${bitsStored}, HighBit ${highBit}, of ${bitsAllocated} bits`);
  const colours = elements.text('PhotometricInterpretation');
  if (colours && !/^MONOCHROME[12]$/.test(colours))
    throw fault(`PhotometricInterpretation is ${colours.replaceAll(/[^\w ]/g, '')}, expected MONOCHROME2`);
  const padding = elements.number('PixelPaddingValue');
  const end = elements.number('PixelPaddingRangeLimit') ?? padding;
  const [columns, rows, frames] = [whole('Columns'), whole('Rows'), whole('NumberOfFrames', 1)];
  if (!(columns && rows && frames)) throw fault(`has ${columns}×${rows} pixels in ${frames} frames`);
  return {
    transferSyntax,
    columns,
    rows,
    frames,
    bitsAllocated,
    bitsStored,
    highBit,
    isSigned: whole('PixelRepresentation', 0) === 1,
    padding: padding === undefined ? undefined : [Math.min(padding, end!), Math.max(padding, end!)],
  };
}
