/** Scans of several channels: one file each, CASE_0000, CASE_0001, … as nnU-Net names them, on one grid. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { isSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { isCt } from '@organseg/core/volume/hounsfield.ts';
import { type FileScan, readScanFile } from './scanFile.ts';

/** The ending of a scan's file, behind the number of its channel; a folder of DICOM slices has none. */
const CHANNEL = /_0000((?:\.(?:nii|hdr|img)(?:\.gz)?)?)$/i;
/** A name with the number of a channel, four digits, at its end. */
const NUMBERED = /^(.+)_(\d{4})(?:\.(?:nii|hdr)(?:\.gz)?)?$/i;

/** The case and the channel that a file or a folder is of by its name; undefined where that says none. */
export function channelOf(name: string): { readonly scan: string; readonly channel: number } | undefined {
  const [, scan, channel] = NUMBERED.exec(name) ?? [];
  return scan === undefined ? undefined : { scan, channel: Number(channel) };
}

/** The ending of the file of a channel, by its number. */
export const channelEnding = (channel: number): string => `_${String(channel).padStart(4, '0')}.nii.gz`;

/** The files of a scan by its first one. Throws InputError where one of several is missing. */
export function channelFiles(first: string, channelNames: readonly string[]): string[] {
  if (channelNames.length === 1) return [first];
  const ending = CHANNEL.exec(first);
  if (!ending)
    throw new InputError(
      `${first}: the model reads ${channelNames.length} channels, ${channelNames.join(', ')}: scans are named CASE_0000, CASE_0001, …`,
    );
  return channelNames.map((name, channel) => {
    const path = `${first.slice(0, ending.index)}_${String(channel).padStart(4, '0')}${ending[1]}`;
    if (!existsSync(path))
      throw new InputError(`${path}: missing, though there is ${first}: ${name} is read from it`);
    return path;
  });
}

/**
 * Reads a scan's channels, of which `channelFiles` names the files; of a folder with several DICOM series the one asked
 * for. Throws InputError, also where they do not lie on one grid.
 */
export async function readChannels(
  files: readonly string[],
  channelNames: readonly string[],
  series?: string,
): Promise<[FileScan, ...FileScan[]]> {
  const scans: FileScan[] = [];
  for (const [channel, path] of files.entries()) {
    const scan = await readScanFile(path, series);
    if (scans[0] && !isSameGrid(scans[0], scan))
      throw new InputError(`${path}: lies on another grid than ${basename(files[0]!)}`);
    const holdsHu = isCt(channelNames[channel]!);
    scans.push({ ...scan, doubts: scan.doubts.filter(({ about }) => holdsHu || about !== 'values') });
  }
  return scans as [FileScan, ...FileScan[]];
}
