/** Scans and label maps that were dropped on the page, read as streams. */
import { InputError } from '@organseg/core/inputError.ts';
import { isSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { ByteReader, type ByteSource } from '@organseg/core/volume/byteReader.ts';
import { gunzip } from '@organseg/core/volume/gzip.ts';
import { namesInTable } from '@organseg/core/volume/labelTable.ts';
import { type NiftiVolume, openNifti, readLabels } from '@organseg/core/volume/niftiRead.ts';
import { readScan, type Scan } from '@organseg/core/volume/volumeStream.ts';
import type { NamedFile } from '../protocol.ts';
import { blobStream } from './blobBytes.ts';

/** Told the share of the files' bytes that has been read. */
export type OnShare = (share: number) => void;

/** The ending of a scan's file, behind the number of its channel where it has one. */
const ENDING = /(_(\d{4}))?\.(nii|hdr|img)(\.gz)?$/i;

const isScanFile = (path: string): boolean => ENDING.test(path);

/** The name of the case that files belong to: of NIfTI their own, of DICOM their folder's. */
export function caseNameOf(files: readonly NamedFile[]): string {
  const scan = files.find(({ path }) => isScanFile(path));
  return scan ? scan.path.split('/').at(-1)!.replace(ENDING, '') : folderOf(files);
}

/** How a folder of files is called that were dropped or chosen together. */
const folderOf = ([first]: readonly NamedFile[]): string =>
  first!.path.split('/').slice(0, -1).join('/') || first!.path;

/**
 * The channels of the one scan among files, on one grid: as many as asked for, or the first. Files none of which is NIfTI
 * are taken for the slices of a DICOM series. Throws InputError, also where there are several scans.
 */
export async function readChannels(
  files: readonly NamedFile[],
  channelNames: readonly string[] | undefined,
  onShare: OnShare,
): Promise<[Scan, ...Scan[]]> {
  const wanted = channelNames?.length ?? 1;
  const reads = `the model reads ${wanted} channels, ${channelNames?.join(', ')}`;
  if (files.length > 0 && !files.some(({ path }) => isScanFile(path))) {
    if (wanted > 1) throw new InputError(`${reads}, and a series of DICOM is one: convert them to NIfTI`);
    // Its decoders are large, and few scans need them.
    const { readSeries } = await import('./dicomSeries.ts');
    return [await readSeries(files, folderOf(files), onShare)];
  }
  const volumes = volumesAmong(files);
  const paths = volumes.map(([{ path }]) => path);
  const caseOf = (path: string) => path.replace(ENDING, (ending, channel) => (channel ? '' : ending));
  if (new Set(paths.map(caseOf)).size > 1)
    throw new InputError(
      `${paths.length} scans were dropped, ${paths[0]}, ${paths[1]}${paths.length > 2 ? ', …' : ''}: expected one, or its channels CASE_0000, CASE_0001, …`,
    );
  if (channelNames && volumes.length !== wanted)
    throw new InputError(
      wanted === 1
        ? `the model reads one channel, ${paths.length} were dropped: ${paths.join(', ')}`
        : `${reads}: drop CASE_0000, CASE_0001, … together`,
    );
  const scans: Scan[] = [];
  for (const [channel, sources] of volumes.slice(0, wanted).entries()) {
    const told: OnShare = (share) => onShare((channel + share) / wanted);
    const scan = await readScan(await openNifti(...sourcesOf(sources, told)));
    if (scans[0] && !isSameGrid(scans[0], scan))
      throw new InputError(`${sources[0].path}: lies on another grid than ${volumes[0]![0].path}`);
    scans.push(scan);
  }
  return scans as [Scan, ...Scan[]];
}

/** The one label map among files. Throws InputError. */
export async function readLabelMap(
  files: readonly NamedFile[],
  onShare: OnShare,
): Promise<NiftiVolume<Uint8Array> & { readonly name: string }> {
  const [sources, another] = volumesAmong(files);
  if (another) throw new InputError(`${sources![0].path} and ${another[0].path}: expected one label map`);
  return { ...(await readLabels(...sourcesOf(sources!, onShare))), name: sources![0].path };
}

/** The bytes at a label map's beginning in which the names of its labels are looked for. */
const NAMES_BYTES = 1 << 16;

/** The names of the labels from 1 on of the one label map among files, where it says them. Throws InputError. */
export async function organsIn(files: readonly NamedFile[]): Promise<string[] | undefined> {
  const [{ path, file }] = volumesAmong(files)[0]!;
  const bytes = blobStream(file, path, () => {});
  const reader = new ByteReader(/\.gz$/i.test(path) ? gunzip(bytes, path) : bytes);
  const beginning = new Uint8Array(NAMES_BYTES);
  try {
    await reader.fill(beginning);
  } finally {
    await reader.cancel();
  }
  return namesInTable(new TextDecoder().decode(beginning));
}

type VolumeFiles = readonly [NamedFile, NamedFile?];

/** The volumes among files, sorted by name: a file each, or of a .hdr/.img pair both. Throws InputError where there is none. */
function volumesAmong(files: readonly NamedFile[]): VolumeFiles[] {
  const scans = files.filter(({ path }) => isScanFile(path)).sort((a, b) => (a.path < b.path ? -1 : 1));
  const isPart = (kind: string) => (path: string) => new RegExp(`\\.${kind}(\\.gz)?$`, 'i').test(path);
  const stem = (path: string) => path.replace(/\.(hdr|img)(\.gz)?$/i, '');
  const volumes = scans
    .filter(({ path }) => !isPart('img')(path))
    .map((header): VolumeFiles => {
      const image = scans.find(({ path }) => isPart('img')(path) && stem(path) === stem(header.path));
      return isPart('hdr')(header.path) && image ? [header, image] : [header];
    });
  if (volumes.length === 0)
    throw new InputError(`${files[0]?.path ?? 'what was dropped'}: is no NIfTI file (.nii or .nii.gz)`);
  return volumes;
}

function sourcesOf(files: VolumeFiles, onShare: OnShare): [ByteSource, ByteSource?] {
  const largest = Math.max(...files.map((each) => each?.file.size ?? 0), 1);
  const sourceOf = ({ path, file }: NamedFile): ByteSource => ({
    name: path,
    bytes: blobStream(file, path, (bytes) => file.size === largest && onShare(bytes / largest)),
  });
  return files[1] ? [sourceOf(files[0]), sourceOf(files[1])] : [sourceOf(files[0])];
}
