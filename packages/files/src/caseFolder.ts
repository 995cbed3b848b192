/** A folder of a data set: which of its files belong to cases by their names, and which images do not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { listed, plural } from '@organseg/core/words.ts';
import { namesIn } from './read.ts';

export interface CaseFile {
  /** The name of the case. */
  readonly name: string;
  readonly path: string;
}

export interface CaseFolder {
  /** The files of cases, by the cases' names. */
  readonly files: readonly CaseFile[];
  /** The names of images that belong to no case. */
  readonly leftOut: readonly string[];
}

/** File names of images, in whichever format. */
const IMAGE = /\.(nii|hdr|img|mha|mhd|nrrd|dcm)(\.gz)?$/i;

/** The files named CASE and this ending; none where there is no folder. Hidden files are passed over. */
export async function readCaseFolder(folder: string, ending: string): Promise<CaseFolder> {
  if (!existsSync(folder)) return { files: [], leftOut: [] };
  const names = (await namesIn(folder)).filter((name) => !name.startsWith('.'));
  const isCase = (name: string) => name.endsWith(ending) && name.length > ending.length;
  return {
    files: names.filter(isCase).map((name) => ({
      name: name.slice(0, -ending.length),
      path: join(folder, name),
    })),
    leftOut: names.filter((name) => !isCase(name) && IMAGE.test(name)),
  };
}

/** One line about images that are left out by their names. */
export const leftOutNote = (folder: string, leftOut: readonly string[], ending: string): string =>
  `${folder}: ${plural(leftOut.length, 'file')} not named CASE${ending}, left out: ${listed(leftOut)}`;
