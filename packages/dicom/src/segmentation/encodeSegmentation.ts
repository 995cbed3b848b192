/**
 * Label maps as DICOM segmentations (SEG): a segment for each structure, frames in the planes of the source's slices, with
 * the source's patient, study and frame of reference, and of each frame the slice that it was made from. By the Segmentation
 * IOD of the standard, PS3.3 A.51.
 */
import { InputError } from '@organseg/core/inputError.ts';
import { labelColour } from '@organseg/core/organs.ts';
import type { Structure } from '@organseg/core/regions.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { data } from 'dcmjs';
import { EXPLICIT_LITTLE_ENDIAN } from '../codecs/transferSyntax.ts';
import { type Elements, readHead } from '../elements.ts';
import type { DicomStream } from '../openSeries.ts';
import type { DicomSlice } from '../slices.ts';
import { type Code, codesOf } from './codes.ts';
import { bitsOf, framesOf, type SegmentFrame } from './frames.ts';

/** A data set of dcmjs: values by the names of elements. */
type Dataset = Record<string, unknown>;

const SEGMENTATION = '1.2.840.10008.5.1.4.1.1.66.4';
/** The largest number that an integer string holds. */
const MOST_NUMBER = 2 ** 31 - 1;
/** Says to other programs which one wrote a file. */
const IMPLEMENTATION = '2.25.281047123905516384203516072498126173021';
const VERSION = '0.1.0';

/** Elements of the patient and the study that a derived object shares with its source: empty where that has them not. */
const REQUIRED = [
  'PatientName',
  'PatientID',
  'PatientBirthDate',
  'PatientSex',
  'StudyInstanceUID',
  'StudyDate',
  'StudyTime',
  'ReferringPhysicianName',
  'StudyID',
  'AccessionNumber',
  'PositionReferenceIndicator',
];
/** Those that are left out where the source has them not. */
const SHARED = [
  'IssuerOfPatientID',
  'PatientAge',
  'PatientSize',
  'PatientWeight',
  'PatientIdentityRemoved',
  'DeidentificationMethod',
  'DeidentificationMethodCodeSequence',
  'LongitudinalTemporalInformationModified',
  'StudyDescription',
  'TimezoneOffsetFromUTC',
  'LossyImageCompressionRatio',
  'LossyImageCompressionMethod',
];

/**
 * The bytes of a segmentation of structures, whose labels are 1, 2, …; voxels of other ids are no segment's. The label map
 * lies on the grid of the series. Throws InputError where the series refers to no frame of reference.
 */
export async function encodeSegmentation(
  labels: Volume<Uint8Array>,
  structures: readonly Structure[],
  { series, grid }: Pick<DicomStream, 'series' | 'grid'>,
  now: Date,
): Promise<Uint8Array<ArrayBuffer>> {
  const [first] = grid.slices;
  const source = (await readHead(first!.file))!.elements;
  if (!first!.frameOfReferenceUid)
    throw new InputError(`${first!.file.name}: has no FrameOfReferenceUID, which a segmentation needs`);
  const frames = framesOf(labels, structures);
  const instance = newUid();
  const dataset: Dataset = {
    ...sharedElements(source),
    ...ownElements(instance, series.number, now),
    FrameOfReferenceUID: first!.frameOfReferenceUid,
    ...pixelElements(first!, frames, bitsOf(labels, frames)),
    SegmentsOverlap: structures.some(({ ids }) => ids.length > 1) ? 'YES' : 'NO',
    SegmentSequence: structures.map(segment),
    ...dimensions(),
    SharedFunctionalGroupsSequence: [sharedGroups(grid.slices)],
    PerFrameFunctionalGroupsSequence: frameGroups(frames, grid.slices),
    ReferencedSeriesSequence: [
      { SeriesInstanceUID: series.uid, ReferencedInstanceSequence: instancesOf(grid.slices) },
    ],
    _vrMap: { PixelData: 'OB' },
  };
  const { denaturalizeDataset } = data.DicomMetaDictionary;
  const dict = new data.DicomDict(
    denaturalizeDataset({
      FileMetaInformationVersion: new Uint8Array([0, 1]).buffer,
      MediaStorageSOPClassUID: SEGMENTATION,
      MediaStorageSOPInstanceUID: instance,
      TransferSyntaxUID: EXPLICIT_LITTLE_ENDIAN,
      ImplementationClassUID: IMPLEMENTATION,
      ImplementationVersionName: 'ORGANSEG',
    }),
  );
  dict.dict = denaturalizeDataset(dataset);
  return new Uint8Array(dict.write());
}

function sharedElements(source: Elements): Dataset {
  const required = REQUIRED.map((name) => [name, soundValue(name, source) ?? null]);
  const shared = SHARED.map((name) => [name, soundValue(name, source)]).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries([
    ...required,
    ...shared,
    ['LossyImageCompression', source.text('LossyImageCompression') ?? '00'],
  ]);
}

/** The value of an element as it is written; undefined where there is none, or a longer one than the standard allows, say. */
function soundValue(name: string, source: Elements): unknown {
  if (!source.has(name)) return undefined;
  const value = plain(source.value(name));
  const dict = new data.DicomDict({});
  dict.dict = data.DicomMetaDictionary.denaturalizeDataset({ [name]: value });
  try {
    dict.write();
    return value;
  } catch {
    return undefined; // dcmjs's words quote the value
  }
}

/** A value without escapes to other character sets, and what of a text could not be decoded as question marks. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(ESCAPES, '').replaceAll('\ufffd', '?');
  if (Array.isArray(value)) return value.map(plain);
  // The ideographic and phonetic forms of a name are what is written in other sets.
  if (typeof value === 'object' && value && 'Alphabetic' in value)
    return { Alphabetic: plain(value.Alphabetic) };
  return value;
}

/** ISO 2022's escape sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with the escape character.
const ESCAPES = /\u001b[ -/]*[0-~]/g;

function ownElements(instance: string, sourceNumber: string | undefined, now: Date): Dataset {
  const [date, time] = [dateOf(now), timeOf(now)];
  return {
    SpecificCharacterSet: 'ISO_IR 192', // dcmjs writes UTF-8
    SOPClassUID: SEGMENTATION,
    SOPInstanceUID: instance,
    InstanceCreationDate: date,
    InstanceCreationTime: time,
    Modality: 'SEG',
    SeriesInstanceUID: newUid(),
    // Beyond the numbers of the scanner's own series.
    SeriesNumber: String(Math.min(MOST_NUMBER, 1000 + (Number(sourceNumber) || 0))),
    SeriesDescription: 'organseg',
    SeriesDate: date,
    SeriesTime: time,
    Manufacturer: 'organseg',
    ManufacturerModelName: 'organseg',
    DeviceSerialNumber: VERSION,
    SoftwareVersions: VERSION,
    ImageType: ['DERIVED', 'PRIMARY'],
    InstanceNumber: '1',
    ContentDate: date,
    ContentTime: time,
    ContentLabel: 'ORGANS',
    ContentDescription: 'Organs, segmented by organseg',
    ContentCreatorName: null,
  };
}

const pixelElements = (
  { pixels }: DicomSlice,
  frames: readonly SegmentFrame[],
  bits: Uint8Array<ArrayBuffer>,
): Dataset => ({
  SamplesPerPixel: 1,
  PhotometricInterpretation: 'MONOCHROME2',
  NumberOfFrames: String(frames.length),
  Rows: pixels.rows,
  Columns: pixels.columns,
  BitsAllocated: 1,
  BitsStored: 1,
  HighBit: 0,
  PixelRepresentation: 0,
  SegmentationType: 'BINARY',
  PixelData: [bits.buffer],
});

function segment({ label: SegmentNumber, name }: Structure): Dataset {
  const { category, type, side } = codesOf(name);
  return {
    SegmentNumber,
    SegmentLabel: name.slice(0, 64),
    SegmentAlgorithmType: 'AUTOMATIC',
    SegmentAlgorithmName: 'organseg',
    SegmentedPropertyCategoryCodeSequence: [category],
    SegmentedPropertyTypeCodeSequence: [
      side ? { ...type, SegmentedPropertyTypeModifierCodeSequence: [side] } : type,
    ],
    RecommendedDisplayCIELabValue: data.Colors.rgb2DICOMLAB(
      labelColour(SegmentNumber).map((each) => each / 255),
    ).map(Math.round),
  };
}

/** Frames are told apart by their segment and by their place. */
function dimensions(): Dataset {
  const DimensionOrganizationUID = newUid();
  const dimension = (
    DimensionIndexPointer: number,
    FunctionalGroupPointer: number,
    DimensionDescriptionLabel: string,
  ) => ({
    DimensionOrganizationUID,
    DimensionIndexPointer,
    FunctionalGroupPointer,
    DimensionDescriptionLabel,
  });
  return {
    DimensionOrganizationSequence: [{ DimensionOrganizationUID }],
    DimensionIndexSequence: [
      dimension(0x0062000b, 0x0062000a, 'ReferencedSegmentNumber'),
      dimension(0x00200032, 0x00209113, 'ImagePositionPatient'),
    ],
  };
}

function sharedGroups(slices: readonly DicomSlice[]): Dataset {
  const [first, second] = slices;
  const { alongRow, alongColumn, spacingMm, thicknessMm } = first!;
  const between = second
    ? Math.hypot(...[0, 1, 2].map((i) => second.position[i]! - first!.position[i]!))
    : undefined;
  const thickness = decimal(thicknessMm ?? between ?? 1);
  return {
    PlaneOrientationSequence: [{ ImageOrientationPatient: [...alongRow, ...alongColumn].map(decimal) }],
    PixelMeasuresSequence: [
      {
        PixelSpacing: [decimal(spacingMm[1]), decimal(spacingMm[0])],
        SliceThickness: thickness,
        SpacingBetweenSlices: between === undefined ? thickness : decimal(between),
      },
    ],
  };
}

function frameGroups(frames: readonly SegmentFrame[], slices: readonly DicomSlice[]): Dataset[] {
  const planes = [...new Set(frames.map(({ z }) => z))].sort((a, b) => a - b);
  const rankOf = new Map(planes.map((z, i) => [z, i + 1]));
  return frames.map(({ structure: { label }, z }) => {
    const slice = slices[z]!;
    return {
      FrameContentSequence: [{ DimensionIndexValues: [label, rankOf.get(z)!] }],
      PlanePositionSequence: [{ ImagePositionPatient: slice.position.map(decimal) }],
      SegmentIdentificationSequence: [{ ReferencedSegmentNumber: label }],
      DerivationImageSequence: [
        {
          DerivationCodeSequence: [dicomCode('113076', 'Segmentation')],
          SourceImageSequence: [
            {
              ...referenceTo(slice),
              PurposeOfReferenceCodeSequence: [
                dicomCode('121322', 'Source image for image processing operation'),
              ],
              SpatialLocationsPreserved: 'YES',
            },
          ],
        },
      ],
    };
  });
}

const dicomCode = (CodeValue: string, CodeMeaning: string): Code => ({
  CodeValue,
  CodingSchemeDesignator: 'DCM',
  CodeMeaning,
});

const referenceTo = ({ sopClassUid, sopInstanceUid, frame, pixels }: DicomSlice): Dataset => ({
  ReferencedSOPClassUID: sopClassUid,
  ReferencedSOPInstanceUID: sopInstanceUid,
  ...(pixels.frames > 1 && { ReferencedFrameNumber: String(frame + 1) }),
});

/** The instances that slices come from, each once. */
const instancesOf = (slices: readonly DicomSlice[]): Dataset[] => [
  ...new Map(
    slices.map(({ sopClassUid, sopInstanceUid }) => [
      sopInstanceUid,
      { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid },
    ]),
  ).values(),
];

/** A number in the 16 characters that a decimal string may have. */
function decimal(value: number): string {
  for (let digits = 16; ; digits--) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
}

/** A unique identifier, made of a random number. */
const newUid = (): string => `2.25.${BigInt(`0x${crypto.randomUUID().replaceAll('-', '')}`)}`;

const two = (value: number) => String(value).padStart(2, '0');
const dateOf = (now: Date) => `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
const timeOf = (now: Date) => `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
