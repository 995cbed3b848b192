/** Scans by path, in whichever format. */
import { readScan, type Scan } from '@organseg/core/volume/volumeStream.ts';
import { openNiftiFile } from './nifti.ts';

/** A CT scan. Throws InputError, before its voxels are read where no CT has its size. */
export const readScanFile = async (path: string): Promise<Scan> => readScan(await openNiftiFile(path));
