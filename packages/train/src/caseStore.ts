/**
 * Prepared training cases: made once and kept on disk, since 2,000 cases do not fit in memory.
 */
import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Preprocessing,
  prepareLabels,
  prepareScan,
  tensorShape,
} from '@organseg/core/inference/preprocess.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { encodeSafetensors } from '@organseg/core/network/safetensors.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { DatasetCase, UnlabelledCase } from './dataset.ts';
import { readLabelsFile, readNiftiFile, writeWhole } from './files.ts';
import { PreparedFile, preparedTensors, type Size } from './preparedFile.ts';

/** A whole case in memory. */
export interface LoadedCase {
  readonly size: Size;
  /** [0, 1] */
  readonly image: Float32Array;
  readonly labels: Uint8Array;
}

/** Without labels a case is background throughout. */
export type StoredCase = UnlabelledCase & Partial<Pick<DatasetCase, 'labels'>>;

/** Of what a prepared file holds and how. */
const VERSION = 3;

export class CaseStore {
  readonly #gpu: Gpu;
  readonly #folder: string;
  readonly #preprocessing: Preprocessing;
  readonly #classes: number;

  constructor(gpu: Gpu, folder: string, preprocessing: Preprocessing, classes: number) {
    this.#gpu = gpu;
    this.#folder = folder;
    this.#preprocessing = preprocessing;
    this.#classes = classes;
  }

  /** Makes the case's file if it was not made before, or its sources have changed since. Returns its size. */
  async prepare(source: StoredCase): Promise<Size> {
    const signature = await this.#signature(source);
    return this.#sizeOf(source, signature) ?? (await this.#make(source, signature));
  }

  /** The file of a prepared case; one without labels has its own. */
  path({ name, labels }: StoredCase): string {
    return join(this.#folder, `${name}${labels === undefined ? '.unlabelled' : ''}.safetensors`);
  }

  /** A prepared case. */
  load(source: DatasetCase): LoadedCase {
    const file = new PreparedFile(this.path(source));
    try {
      const { size } = file;
      return { size, image: file.image([0, 0, 0], size), labels: file.labels([0, 0, 0], size) };
    } finally {
      file.close();
    }
  }

  /** What a prepared case depends on. */
  async #signature({ image, labels }: StoredCase): Promise<string> {
    const facts = await Promise.all(
      [image, ...(labels === undefined ? [] : [labels])].map(async (path) => {
        const { size, mtimeMs } = await stat(path);
        return { path, size, mtimeMs };
      }),
    );
    const [preprocessing, classes] = [this.#preprocessing, this.#classes];
    return JSON.stringify({ version: VERSION, facts, preprocessing, classes });
  }

  /** The size of the case's file, if it is there and made from this. */
  #sizeOf(source: StoredCase, signature: string): Size | undefined {
    const path = this.path(source);
    if (!existsSync(path)) return undefined;
    try {
      const file = new PreparedFile(path);
      file.close();
      return file.metadata.signature === signature ? file.size : undefined;
    } catch (error) {
      if (error instanceof InputError) return undefined; // of an older form
      throw error;
    }
  }

  async #make(source: StoredCase, signature: string): Promise<Size> {
    const scan = await readNiftiFile(source.image);
    const labelMap = source.labels === undefined ? undefined : await this.#labels(source.labels);
    if (labelMap) assertSameGrid(scan, source.image, labelMap, source.labels!);
    const { image, geometry } = await prepareScan(this.#gpu, scan, this.#preprocessing);
    const size = tensorShape(image);
    const labels = labelMap ? prepareLabels(labelMap, geometry).data : new Uint8Array(image.data.length);
    const tensors = preparedTensors(size, image.data, labels);
    await mkdir(this.#folder, { recursive: true });
    const content = encodeSafetensors({ metadata: { signature }, tensors });
    await writeWhole(this.path(source), toAsync(content));
    return size;
  }

  async #labels(path: string) {
    const labelMap = await readLabelsFile(path);
    const highest = labelMap.data.reduce((a, b) => Math.max(a, b), 0);
    if (highest >= this.#classes) {
      throw new InputError(`${path}: holds label ${highest}, dataset.json knows 0 to ${this.#classes - 1}`);
    }
    return labelMap;
  }
}

async function* toAsync<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
