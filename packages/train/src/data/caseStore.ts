/**
 * Prepared training cases: made once and kept on disk, since 2,000 cases do not fit in memory. A file is named by its
 * case and by all that it depends on, so that runs can share a folder: of a case that several sets of labels were
 * made for, the image is there once.
 */

import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import type { ScanDoubt } from '@organseg/core/volume/scanDoubts.ts';
import type { Scan } from '@organseg/core/volume/volumeStream.ts';
import { channelFiles, readChannels } from '@organseg/files/channels.ts';
import type { DatasetCase, UnlabelledCase } from '@organseg/files/dataset.ts';
import type { FileFacts, FileRecord } from '@organseg/files/fileFacts.ts';
import { assertAsBefore, factsOf, sha256Of } from '@organseg/files/fileRecord.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { SafetensorsFile } from '@organseg/files/safetensorsFile.ts';
import { readScanFile } from '@organseg/files/scanFile.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openPreparedCase, type PreparedPaths } from './openPreparedCase.ts';
import { labelTensors } from './preparedCase.ts';
import { labelsOn, type PreparedFor, type PreparedGeometry, prepareImage, sizeOf } from './prepareImage.ts';

/** A whole case in memory. */
export interface LoadedCase {
  readonly size: Dhw;
  /** The values of one channel after another, D H W. */
  readonly image: Float32Array;
  /** D H W; IGNORED where a voxel has the case's ignore label. */
  readonly labels: Uint8Array;
}

/** A case to prepare; without labels it is background throughout. */
export type StoredCase = UnlabelledCase & Partial<DatasetCase>;

interface PreparedImage {
  readonly path: string;
  /** All that it depends on, as one text. */
  readonly sources: string;
  readonly geometry: PreparedGeometry;
  readonly doubts: readonly ScanDoubt[];
}

/** A case that is to be prepared, and for what. */
export interface PrepareJob {
  readonly source: StoredCase;
  /** Folder of prepared cases. */
  readonly folder: string;
  readonly wanted: PreparedFor;
  readonly classes: number;
}

/** Whether a file is a prepared one, by its name. */
export const isPrepared = (name: string): boolean =>
  /\.[0-9a-f]{16}\.(image|labels)\.safetensors$/.test(name);

/** The version of what prepared files hold and how. */
const VERSION = 6;

export class CaseStore {
  readonly #gpu: Gpu;
  readonly #folder: string;
  readonly #for: PreparedFor;
  readonly #classes: number;
  readonly #prepared = new Map<StoredCase, PreparedPaths>();
  readonly #doubts = new Map<StoredCase, readonly ScanDoubt[]>();
  readonly #records = new Map<string, FileRecord>();

  constructor(gpu: Gpu, folder: string, preparedFor: PreparedFor, classes: number) {
    this.#gpu = gpu;
    this.#folder = folder;
    this.#for = preparedFor;
    this.#classes = classes;
  }

  /**
   * Makes the case's files if they were not made before, or its sources have changed since. Returns its size. Throws
   * InputError that names a file that is broken or does not fit the other.
   */
  async prepare(source: StoredCase): Promise<Dhw> {
    const image = await this.#image(source);
    const { labels: file } = source;
    const labels = file === undefined ? undefined : await this.#labels({ ...source, labels: file }, image);
    this.#prepared.set(source, { image: image.path, labels });
    this.#doubts.set(source, image.doubts);
    return sizeOf(image.geometry);
  }

  /** Whether the case's image is there, of its files as they are. Throws InputError where one is missing. */
  async hasImage(source: StoredCase): Promise<boolean> {
    return metadataOf((await this.#imageFile(source)).path) !== undefined;
  }

  /** What another store needs to prepare the case as this one would. */
  job(source: StoredCase): PrepareJob {
    return { source, folder: this.#folder, wanted: this.#for, classes: this.#classes };
  }

  /** The images and label maps that cases were prepared from, by path. */
  get records(): ReadonlyMap<string, FileRecord> {
    return this.#records;
  }

  /** The doubts about a scan that was prepared. */
  doubts(source: StoredCase): readonly ScanDoubt[] {
    return this.#doubts.get(source) ?? [];
  }

  /**
   * Numbers of voxels of each label, background first and IGNORED last, on the network's grid, of a case that was
   * prepared.
   */
  labelVoxels(source: DatasetCase): readonly number[] {
    const prepared = openPreparedCase(this.paths(source));
    prepared.close();
    return prepared.labelVoxels;
  }

  /** The files of a case that was prepared. */
  paths(source: StoredCase): PreparedPaths {
    const paths = this.#prepared.get(source);
    if (!paths) throw new Error(`${source.name} was not prepared`);
    return paths;
  }

  /** A case that was prepared, whole. */
  load(source: StoredCase): LoadedCase {
    const prepared = openPreparedCase(this.paths(source));
    try {
      const { size } = prepared;
      return { size, image: prepared.image([0, 0, 0], size), labels: prepared.labels([0, 0, 0], size) };
    } finally {
      prepared.close();
    }
  }

  /** The file of a case's image, made or not, and what it is made from. */
  async #imageFile({ name, image: file }: StoredCase) {
    const files = channelFiles(file, this.#for.channelNames);
    const facts: FileFacts[] = [];
    for (const each of files) facts.push(await factsOf(each));
    const { by, ...preprocessing } = this.#for.preprocessing;
    const all = files.flatMap((each, i) => [resolve(each), facts[i]]);
    const sources = JSON.stringify([VERSION, ...all, preprocessing]);
    return { files, facts, sources, path: this.#path(name, 'image', sources) };
  }

  async #image(source: StoredCase): Promise<PreparedImage> {
    const { files, facts, sources, path } = await this.#imageFile(source);
    const before = metadataOf(path);
    if (before) {
      const digests = before.sha256!.split(' ');
      for (const [i, each] of files.entries()) this.#records.set(each, { ...facts[i]!, sha256: digests[i]! });
      return { path, sources, geometry: JSON.parse(before.geometry!), doubts: JSON.parse(before.doubts!) };
    }
    const { tensors, metadata, geometry, doubts } = await prepareImage(
      this.#gpu,
      await scansOf(files, this.#for),
      this.#for,
    );
    const digests: string[] = [];
    for (const [i, each] of files.entries()) digests.push(await this.#record(each, facts[i]!));
    await this.#write(path, tensors, {
      ...metadata,
      geometry: JSON.stringify(geometry),
      doubts: JSON.stringify(doubts),
      sha256: digests.join(' '),
    });
    return { path, sources, geometry, doubts };
  }

  async #labels({ name, image, labels: file, ignoreLabel }: DatasetCase, of: PreparedImage): Promise<string> {
    const facts = await factsOf(file);
    const ignored = ignoreLabel === undefined ? [] : [ignoreLabel];
    const { labelResampling: way } = this.#for;
    const resampled = way === 'nearest' ? [] : [way];
    const sources = JSON.stringify([
      of.sources,
      resolve(file),
      facts,
      this.#classes,
      ...ignored,
      ...resampled,
    ]);
    const path = this.#path(name, 'labels', sources);
    const before = metadataOf(path);
    if (before) {
      this.#records.set(file, { ...facts, sha256: before.sha256! });
      return path;
    }
    const labels = await readLabelsFile(file);
    const highest = highestOf(labels.data, ignoreLabel);
    if (highest >= this.#classes) {
      throw new InputError(`${file}: holds label ${highest}, dataset.json knows 0 to ${this.#classes - 1}`);
    }
    assertSameGrid(of.geometry.scan, image, labels, file);
    const data = labelsOn(labels, of.geometry, this.#for);
    if (ignoreLabel !== undefined)
      for (let i = 0; i < data.length; i++) if (data[i] === ignoreLabel) data[i] = IGNORED;
    const tensors = labelTensors(sizeOf(of.geometry), data);
    await this.#write(path, tensors, { sha256: await this.#record(file, facts) });
    return path;
  }

  /**
   * Records a file that was just read; returns its digest, which is kept with what was prepared from it. Throws InputError
   * where the file has changed meanwhile.
   */
  async #record(file: string, facts: FileFacts): Promise<string> {
    const sha256 = await sha256Of(file);
    await assertAsBefore(file, facts);
    this.#records.set(file, { ...facts, sha256 });
    return sha256;
  }

  #path(name: string, kind: 'image' | 'labels', sources: string): string {
    const digest = createHash('sha256').update(sources).digest('hex').slice(0, 16);
    return join(this.#folder, `${name}.${digest}.${kind}.safetensors`);
  }

  async #write(
    path: string,
    tensors: Map<string, SafeTensor>,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    await makeFolder(this.#folder);
    await writeWhole(path, encodeSafetensors({ metadata, tensors }));
  }
}

/** The scan of each channel. Throws InputError that names a file that is broken. */
const scansOf = async (
  files: readonly string[],
  { preprocessing, channelNames }: PreparedFor,
): Promise<[Scan, ...Scan[]]> =>
  preprocessing.by === 'nnU-Net' ? readChannels(files, channelNames) : [await readScanFile(files[0]!)];

/** The metadata of a prepared file; undefined where there is none, or it is damaged. */
function metadataOf(path: string): SafetensorsFile['metadata'] | undefined {
  try {
    const file = new SafetensorsFile(path);
    file.close();
    return file.metadata;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** The highest label but for the one to ignore. */
function highestOf(labels: Uint8Array, ignoreLabel: number | undefined): number {
  let highest = 0;
  for (let i = 0; i < labels.length; i++)
    if (labels[i]! > highest && labels[i] !== ignoreLabel) highest = labels[i]!;
  return highest;
}
