/** A DICOM series as a stream of voxels: one slice in memory at a time. */
import { NIFTI_DTYPES } from '@organseg/core/volume/niftiDtype.ts';
import { spaceOfAffine } from '@organseg/core/volume/niftiSpace.ts';
import type { ScanDoubt } from '@organseg/core/volume/scanDoubts.ts';
import type { VolumeStream } from '@organseg/core/volume/volumeStream.ts';
import { plural } from '@organseg/core/words.ts';
import { syntaxName } from './codecs/transferSyntax.ts';
import { chooseSeries, type DicomContents, type DicomSeries } from './contents.ts';
import { gridOf, type SeriesGrid } from './grid.ts';
import { putValues, rangeOf, SliceReader } from './pixels.ts';
import type { DicomSlice } from './slices.ts';

/** A stream of a series' values, and where they came from. */
export interface DicomStream extends VolumeStream {
  readonly series: DicomSeries;
  readonly grid: SeriesGrid;
  /** The name of the transfer syntax. */
  readonly transferSyntax: string;
  readonly doubts: readonly ScanDoubt[];
}

const INT16 = NIFTI_DTYPES.get(4)!;
const FLOAT32 = NIFTI_DTYPES.get(16)!;

/**
 * Opens the one series of a folder, or the one that is asked for by its number, UID or description; messages name the
 * folder so. Throws InputError.
 */
export function openSeries(contents: DicomContents, folder: string, asked?: string): DicomStream {
  const series = chooseSeries(contents, folder, asked);
  const grid = gridOf(series.slices, folder);
  const dtype = grid.slices.every(isInt16) ? INT16 : FLOAT32;
  return {
    name: folder,
    series,
    grid,
    transferSyntax: syntaxName(grid.slices[0]!.pixels.transferSyntax),
    header: {
      shape: [...grid.shape],
      dtype,
      scaling: null,
      affine: grid.affine,
      space: spaceOfAffine(grid.affine),
      unstatedSizes: [],
    },
    doubts: doubtsOf(contents, series, grid),
    async *voxels() {
      const reader = new SliceReader();
      const [columns, rows] = grid.shape;
      const values = new (dtype === INT16 ? Int16Array : Float32Array)(columns * rows);
      for (const slice of grid.slices) {
        putValues(await reader.read(slice), slice, series.modality === 'CT', values);
        yield values;
      }
    },
    cancel: async () => {},
  };
}

/** Whether all values that a slice can hold are whole numbers of 16 bits. */
function isInt16(slice: DicomSlice): boolean {
  const [low, high] = rangeOf(slice);
  const isWhole = Number.isInteger(slice.slope) && Number.isInteger(slice.intercept);
  return isWhole && low >= -32768 && high <= 32767;
}

/** What is said of slices that lie evenly apart, but whose files' numbers leave some out. */
function lackingNumbers(slices: readonly DicomSlice[]): string | undefined {
  const numbers = slices.flatMap(({ instanceNumber }) => instanceNumber ?? []);
  if (new Set(numbers).size < slices.length || !numbers.every(Number.isInteger)) return undefined;
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const lacking = last - first + 1 - slices.length;
  return lacking
    ? `${plural(slices.length, 'slice')}, numbered ${first} to ${last} (InstanceNumber): ${lacking} may be missing`
    : undefined;
}

/** What is said of fewer slices than their files state. */
function lackingStated(slices: readonly DicomSlice[]): string | undefined {
  const stated = Math.max(...slices.map(({ statedSlices }) => statedSlices || 0));
  return stated > slices.length
    ? `${plural(slices.length, 'slice')} of ${stated} that their files state (NumberOfSlices or ImagesInAcquisition): ${stated - slices.length} may be missing`
    : undefined;
}

function doubtsOf({ passedOver }: DicomContents, { modality }: DicomSeries, { slices, copies }: SeriesGrid) {
  const doubts: ScanDoubt[] = [];
  const others = [
    ...(copies ? [`${plural(copies, 'slice')} that ${copies > 1 ? 'are' : 'is'} there twice`] : []),
    ...passedOver,
  ];
  if (others.length) doubts.push({ about: 'series', text: `passed over: ${others.join(', ')}` });
  const lacking = lackingNumbers(slices) ?? lackingStated(slices);
  if (lacking) doubts.push({ about: 'series', text: lacking });
  if (modality !== 'CT')
    doubts.push({ about: 'values', text: `the series is ${modality || 'of no modality'}, not CT` });
  if (slices.some(({ isInverted }) => isInverted))
    doubts.push({ about: 'values', text: 'to be shown inverted (MONOCHROME1); values are read as stored' });
  const unit = slices.find((slice) => slice.unit && slice.unit !== 'HU')?.unit;
  if (modality === 'CT' && unit)
    doubts.push({ about: 'values', text: `RescaleType is ${unit}; are these HU?` });
  return doubts;
}
