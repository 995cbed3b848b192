/** What a folder of DICOM files holds: series of slices, told apart by their UIDs, and what is passed over. */
import { InputError } from '@organseg/core/inputError.ts';
import { plural } from '@organseg/core/words.ts';
import { type DicomFile, type DicomObject, readHead } from './elements.ts';
import { seriesLine } from './seriesLine.ts';
import { type DicomSlice, slicesOf } from './slices.ts';
import { withoutPatient } from './withoutPatient.ts';

export interface DicomSeries {
  readonly uid: string;
  /** The series' number in its study. */
  readonly number: string | undefined;
  /** Undefined where there is none, or it says who the patient is. */
  readonly description: string | undefined;
  /** CT, MR or PT. */
  readonly modality: string;
  /** In the order of the files. */
  readonly slices: readonly DicomSlice[];
  /** The first thing that is wrong with a file of the series. */
  readonly fault: InputError | undefined;
}

export interface DicomContents {
  readonly series: readonly DicomSeries[];
  /** What is passed over: a number and a name of each kind. */
  readonly passedOver: readonly string[];
}

const STORAGE = '1.2.840.10008.5.1.4.1.1';
/** CT, MR and PET, enhanced ones and those converted to them included. */
const IMAGES = new Set(
  ['2', '2.1', '2.2', '4', '4.1', '4.4', '128', '128.1', '130'].map((end) => `${STORAGE}.${end}`),
);
const DIRECTORY = '1.2.840.10008.1.3.10';
const SECONDARY_CAPTURE = `${STORAGE}.7`;

/** Reads the heads of the files. Throws InputError where a DICOM file is broken. */
export async function readContents(files: Iterable<DicomFile>): Promise<DicomContents> {
  const series = new Map<string, DicomSeries & { slices: DicomSlice[]; fault: InputError | undefined }>();
  const passedOver = new Map<string, number>();
  /** The PatientID of each series, and the file that says it. */
  const idOf = new Map<string, { readonly id: string; readonly file: DicomFile }>();
  for (const file of files) {
    const object = await readHead(file);
    const kind = object ? kindOf(object) : /\.zip$/i.test(file.name) ? 'zip' : 'file that is not DICOM';
    if (kind === 'directory') continue;
    if (!object || kind !== 'slice') {
      passedOver.set(kind, (passedOver.get(kind) ?? 0) + 1);
      continue;
    }
    const { elements } = object;
    const uid = elements.text('SeriesInstanceUID') ?? '';
    const found = series.get(uid) ?? {
      uid,
      number: elements.text('SeriesNumber'),
      description: withoutPatient(elements.text('SeriesDescription'), elements),
      modality: elements.text('Modality') ?? '',
      slices: [],
      fault: undefined,
    };
    series.set(uid, found);
    const id = elements.text('PatientID');
    const one = idOf.get(uid) ?? (id === undefined ? undefined : { id, file });
    if (one) idOf.set(uid, one);
    if (one && id !== undefined && id !== one.id)
      found.fault ??= new InputError(
        `${file.name}: has another PatientID than ${one.file.name} of its series`,
      );
    try {
      found.slices.push(...slicesOf(object, file));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      found.fault ??= error;
    }
  }
  return {
    series: [...series.values()].sort((a, b) => Number(a.number ?? 0) - Number(b.number ?? 0)),
    passedOver: [...passedOver].map(([kind, count]) =>
      kind.startsWith('file ') ? `${plural(count, 'file')} not DICOM` : plural(count, kind),
    ),
  };
}

/** Whether an object is a slice of a scan, or what else it is. */
function kindOf({ elements, hasPixels }: DicomObject): string {
  const sopClass = elements.text('SOPClassUID') ?? elements.text('MediaStorageSOPClassUID') ?? '';
  if (sopClass === DIRECTORY || elements.has('DirectoryRecordSequence')) return 'directory';
  const modality = elements.text('Modality');
  if (modality === 'SR') return 'report';
  const imageType = elements.texts('ImageType').map((each) => each.trim().toUpperCase());
  const isPicture =
    elements.number('SamplesPerPixel') === 3 ||
    imageType.includes('SCREEN SAVE') ||
    (imageType.includes('SECONDARY') && hasPixels && !isPlaced(elements));
  if (sopClass === SECONDARY_CAPTURE || sopClass.startsWith(`${SECONDARY_CAPTURE}.`))
    return 'secondary capture';
  if (!hasPixels || !IMAGES.has(sopClass)) return modality ? `${modality} object` : 'other DICOM object';
  if (imageType.includes('LOCALIZER')) return 'localizer';
  return isPicture ? 'secondary capture' : 'slice';
}

const isPlaced = (elements: DicomObject['elements']) =>
  elements.has('ImagePositionPatient') || elements.has('PerFrameFunctionalGroupsSequence');

/**
 * The one series of a folder, or that which is asked for by its number, UID or description. Throws InputError that lists
 * them where there are several.
 */
export function chooseSeries(
  { series, passedOver }: DicomContents,
  folder: string,
  asked?: string,
): DicomSeries {
  const others = passedOver.length ? `; passed over: ${passedOver.join(', ')}` : '';
  if (!series.length) throw new InputError(`${folder}: holds no slices of CT, MR or PET${others}`);
  const isAsked = ({ uid, number, description }: DicomSeries) =>
    [uid, number, description].some((each) => each?.toLowerCase() === asked?.trim().toLowerCase());
  const chosen = asked === undefined ? series : series.filter(isAsked);
  if (chosen.length === 1) {
    if (chosen[0]!.fault) throw chosen[0]!.fault;
    return chosen[0]!;
  }
  const isTold = new Set(series.map(({ number }) => number)).size === series.length;
  const list = series
    .map((each) => {
      const line = seriesLine({ ...each, slices: each.slices.length });
      return isTold ? line : `${line}, ${each.uid}`;
    })
    .join('; ');
  const problem =
    asked === undefined
      ? `holds ${series.length} series: ${list}; choose one by its ${isTold ? 'number' : 'UID'} (predict, info: --series), or keep one in the folder`
      : `holds ${chosen.length || 'no'} series called ${asked}: ${list}`;
  throw new InputError(`${folder}: ${problem}`);
}
