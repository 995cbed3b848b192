/** The scans that `--input` names: one, or those of a folder, whether NIfTI files or folders of DICOM slices. */
import { basename, join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { dicomFoldersIn } from '@organseg/files/caseFolder.ts';
import { channelFiles, channelOf } from '@organseg/files/channels.ts';
import { discOf, isDicomFolder } from '@organseg/files/dicomFolder.ts';
import { namesIn, statOf } from '@organseg/files/read.ts';
import type { ScanFile } from './predictions.ts';

/**
 * The scans of a folder, or the one file, by their first channels and by case name, which is without the channel's _0000
 * and the ending. A disc's DICOMDIR stands for its folder. A folder that holds DICOM files itself is one scan; else each of
 * its folders that hold some is. Of a folder with several series the one called `series` is meant. Throws InputError where
 * there is none, or two of one name.
 */
export async function scansIn(
  named: string,
  channelNames: readonly string[] = ['CT'],
  series?: string,
): Promise<ScanFile[]> {
  const input = discOf(named);
  const isFolder = (await statOf(input)).isDirectory();
  const scans = isFolder ? await scansOf(input, channelNames, series) : [fileScan(input, series)];
  assertNoTwins(input, scans);
  if (!scans.length)
    throw new InputError(
      channelNames.length === 1
        ? `${input}: holds no NIfTI file and no DICOM slices`
        : `${input}: holds no CASE_0000.nii.gz; the model reads ${channelNames.length} channels, ${channelNames.join(', ')}`,
    );
  for (const { path } of scans) channelFiles(path, channelNames);
  return scans;
}

const ENDING = /(_0000)?\.(nii(\.gz)?|hdr(\.gz)?)$/i;
const FIRST_CHANNEL = /_0000\.(nii(\.gz)?|hdr(\.gz)?)$/i;

const fileScan = (path: string, series?: string): ScanFile => ({
  name: basename(path)
    .replace(/\.dcm$/i, '')
    .replace(ENDING, ''),
  path,
  series,
});

async function scansOf(
  input: string,
  channelNames: readonly string[],
  series: string | undefined,
): Promise<ScanFile[]> {
  const isOneChannel = channelNames.length === 1;
  const ending = isOneChannel ? ENDING : FIRST_CHANNEL;
  const names = await namesIn(input);
  assertNoFurtherChannels(input, names, channelNames);
  const files = names
    .filter((name) => ending.test(name) && !name.startsWith('.'))
    .map((name) => ({ name: name.replace(ending, ''), path: join(input, name) }));
  if (isOneChannel && !files.length && (await isDicomFolder(input)))
    return [{ name: basename(resolve(input)), path: input, series }];
  const folders = (await dicomFoldersIn(input))
    .filter(({ name }) => isOneChannel || name.endsWith('_0000'))
    .map(({ name, path }) => ({ name: name.replace(/_0000$/, ''), path, series }));
  return [...files, ...folders];
}

/** Throws InputError where a case, by the names of its files or folders, has more channels than are read. */
function assertNoFurtherChannels(
  input: string,
  names: readonly string[],
  channelNames: readonly string[],
): void {
  const channels = names.flatMap((name) => {
    const place = channelOf(name);
    return place ? [{ name, ...place }] : [];
  });
  const cases = new Set(channels.filter(({ channel }) => channel === 0).map(({ scan }) => scan));
  const further = channels.find(({ scan, channel }) => channel >= channelNames.length && cases.has(scan));
  if (further)
    throw new InputError(
      `${join(input, further.name)}: is channel ${further.channel} of ${further.scan} by its name, and ${channelNames.join(', ')} ${channelNames.length > 1 ? 'are' : 'is'} all that is read; a scan of its own needs another name`,
    );
}

/** Throws InputError where two scans have one name, also where upper and lower case alone tell them apart. */
function assertNoTwins(input: string, scans: readonly ScanFile[]): void {
  const twins = Map.groupBy(scans, ({ name }) => name.toLowerCase());
  const twin = [...twins.values()].find(({ length }) => length > 1);
  if (!twin) return;
  const names = [...new Set(twin.map(({ name }) => name))].join(' and ');
  throw new InputError(`${input}: two scans of one case, ${names}`);
}
