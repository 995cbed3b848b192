/** A folder of a data set: which of its files belong to cases by their names, and which images do not. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { listed, plural } from '@organseg/core/words.ts';
import { holdsDicom } from './dicomFolder.ts';
import { hasNiftiName } from './nifti.ts';
import { assertFile, namesIn } from './read.ts';

export interface CaseFile {
  /** The name of the case. */
  readonly name: string;
  readonly path: string;
}

export interface CaseFolder {
  /** The files of cases, by the cases' names. */
  readonly files: readonly CaseFile[];
  /** The names of images that belong to no case, and of folders of images, with a slash behind them. */
  readonly leftOut: readonly string[];
}

/** File names of images, in whichever format. */
const IMAGE = /\.(nii|hdr|img|mha|mhd|nrrd|dcm)(\.gz)?$/i;
/** The same of whole volumes. */
const VOLUME = /\.(nii|hdr|img|mha|mhd|nrrd)(\.gz)?$/i;

/** The files named CASE and this ending; none where there is no folder. Hidden files are passed over. */
export async function readCaseFolder(folder: string, ending: string): Promise<CaseFolder> {
  if (!existsSync(folder)) return { files: [], leftOut: [] };
  const names = (await namesIn(folder)).filter((name) => !name.startsWith('.'));
  const isCase = (name: string) => name.endsWith(ending) && name.length > ending.length;
  const leftOut: string[] = [];
  for (const name of names.filter((each) => !isCase(each))) {
    if (await holdsVolumes(join(folder, name))) leftOut.push(`${name}/`);
    else if (IMAGE.test(name)) leftOut.push(name);
  }
  return {
    files: names.filter(isCase).map((name) => ({
      name: name.slice(0, -ending.length),
      path: join(folder, name),
    })),
    leftOut,
  };
}

/** Whether a path leads to a folder of images that is no scan of DICOM slices. */
async function holdsVolumes(path: string): Promise<boolean> {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false;
  const names = (await namesIn(path)).filter((name) => !name.startsWith('.'));
  return names.some((name) => VOLUME.test(name)) && !(await holdsDicom(path));
}

/**
 * The scans of a folder: files named CASE and this ending, and folders of DICOM slices, which are named CASE or CASE and
 * the ending's number. Throws InputError where a case is there as both.
 */
export async function readImageFolder(folder: string, ending: string): Promise<CaseFolder> {
  const { files, leftOut } = await readCaseFolder(folder, ending);
  const scans = [...files];
  for (const { name, path } of await dicomFoldersIn(folder)) {
    const numbered = /^(.+)_(\d{4})$/.exec(name);
    if (numbered && !ending.startsWith(`_${numbered[2]}`)) continue; // another channel
    const scan = { name: numbered?.[1] ?? name, path };
    const twin = scans.find((each) => each.name === scan.name);
    if (twin) throw new InputError(`${path}: the case ${scan.name} is there as ${twin.path}, too`);
    scans.push(scan);
  }
  const fileName = ({ name }: CaseFile) => `${name}${ending}`;
  return { files: scans.sort((a, b) => (fileName(a) < fileName(b) ? -1 : 1)), leftOut };
}

/** The folders in a folder that hold DICOM files; none where there is no folder. */
export async function dicomFoldersIn(folder: string): Promise<CaseFile[]> {
  const found: CaseFile[] = [];
  for (const name of existsSync(folder) ? await namesIn(folder) : []) {
    const path = join(folder, name);
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (isFolder && !name.startsWith('.') && (await holdsDicom(path))) found.push({ name, path });
  }
  return found;
}

/** Throws InputError where a path leads neither to a file nor, named as none, to a folder. */
export function assertScan(path: string): void {
  if (hasNiftiName(path) || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) assertFile(path);
}

/** One line about images and folders of images that are left out by their names. */
export function leftOutNote(folder: string, leftOut: readonly string[], ending: string): string {
  const noun = leftOut.every((name) => name.endsWith('/')) ? 'folder' : 'file';
  return `${folder}: ${plural(leftOut.length, noun)} not named CASE${ending}, left out: ${listed(leftOut)}`;
}
