/** Scans by path, in whichever format: a NIfTI file, or a folder of DICOM slices. */
import { statSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import type { NiftiStream } from '@organseg/core/volume/niftiRead.ts';
import { readScan, type Scan } from '@organseg/core/volume/volumeStream.ts';
import type { DicomStream } from '@organseg/dicom/openSeries.ts';
import { holdsDicom, openDicom } from './dicomFolder.ts';
import { hasNiftiName, openNiftiFile } from './nifti.ts';

/** Whether a scan is read as DICOM: what has no NIfTI file's name, and is a folder or holds DICOM. Throws InputError. */
export async function isDicomScan(path: string): Promise<boolean> {
  const found = hasNiftiName(path) ? undefined : statSync(path, { throwIfNoEntry: false });
  return Boolean(found?.isDirectory() || (found?.isFile() && (await holdsDicom(path))));
}

/** Of several series the one asked for, by its number, UID or description. Throws InputError. */
const openScanFile = async (path: string, series?: string): Promise<NiftiStream | DicomStream> =>
  (await isDicomScan(path)) ? openDicom(path, series) : openNiftiFile(path);

/** A scan that was read from files. */
export interface FileScan extends Scan {
  /** The slices that it was made of, where it came as DICOM. */
  readonly dicom?: Pick<DicomStream, 'series' | 'grid'>;
}

/** A CT scan. Throws InputError, before its voxels are read where no CT has its size. */
export async function readScanFile(path: string, series?: string): Promise<FileScan> {
  const stream = await openScanFile(path, series);
  if ('grid' in stream && stream.grid.slices.length === 1 && !statSync(path).isDirectory())
    throw new InputError(`${path}: is one slice; name the folder of its series`);
  const scan = await readScan(stream);
  return 'grid' in stream ? { ...scan, dicom: { series: stream.series, grid: stream.grid } } : scan;
}
