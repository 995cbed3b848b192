/**
 * Prepared training cases: made once, kept on disk (2,000 cases do not fit in memory) and, as far as they fit,
 * in memory.
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
import { encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { DatasetCase } from './dataset.ts';
import { readLabelsFile, readNiftiFile, readSafetensorsFile, writeWhole } from './files.ts';

export interface PreparedCase {
  readonly name: string;
  /** D, H, W. */
  readonly size: readonly [number, number, number];
  /** Intensities × 65535: as exact as CT is, at half of float32's size. */
  readonly image: Uint16Array;
  readonly labels: Uint8Array;
  readonly foregroundVoxels: number;
}

const SCALE = 65535;
const toUint16 = (values: Float32Array) => Uint16Array.from(values, (x) => Math.round(x * SCALE));
export const fromUint16 = (value: number): number => value / SCALE;

const MEMORY_BYTES = 2 * 2 ** 30;

export class CaseStore {
  readonly #gpu: Gpu;
  readonly #folder: string;
  readonly #preprocessing: Preprocessing;
  readonly #classes: number;
  /** Least recently used first. */
  readonly #memory = new Map<string, PreparedCase>();
  #memoryBytes = 0;

  constructor(gpu: Gpu, folder: string, preprocessing: Preprocessing, classes: number) {
    this.#gpu = gpu;
    this.#folder = folder;
    this.#preprocessing = preprocessing;
    this.#classes = classes;
  }

  /** The case, prepared now if it was not before or its files have changed since. */
  async load(source: DatasetCase): Promise<PreparedCase> {
    const key = `${source.image}\n${source.labels}`;
    const kept = this.#memory.get(key);
    if (kept) {
      this.#memory.delete(key);
      this.#memory.set(key, kept);
      return kept;
    }
    const prepared = (await this.#fromDisk(source)) ?? (await this.#prepare(source));
    this.#memory.set(key, prepared);
    this.#memoryBytes += bytesOf(prepared);
    for (const [oldest, other] of this.#memory) {
      if (this.#memoryBytes <= MEMORY_BYTES || oldest === key) break;
      this.#memory.delete(oldest);
      this.#memoryBytes -= bytesOf(other);
    }
    return prepared;
  }

  #path = ({ name }: DatasetCase) => join(this.#folder, `${name}.safetensors`);

  /** What a prepared case depends on. */
  async #signature({ image, labels }: DatasetCase): Promise<string> {
    const facts = await Promise.all(
      [image, labels].map(async (path) => {
        const { size, mtimeMs } = await stat(path);
        return { path, size, mtimeMs };
      }),
    );
    return JSON.stringify({ version: 1, facts, preprocessing: this.#preprocessing, classes: this.#classes });
  }

  async #fromDisk(source: DatasetCase): Promise<PreparedCase | undefined> {
    const path = this.#path(source);
    if (!existsSync(path)) return undefined;
    const { metadata, tensors } = await readSafetensorsFile(path);
    const [image, labels] = [tensors.get('image'), tensors.get('labels')];
    if (metadata.signature !== (await this.#signature(source)) || !image || !labels) return undefined;
    return {
      name: source.name,
      size: image.shape as [number, number, number],
      image: image.values as Uint16Array,
      labels: labels.values as Uint8Array,
      foregroundVoxels: Number(metadata.foregroundVoxels),
    };
  }

  async #prepare(source: DatasetCase): Promise<PreparedCase> {
    const scan = await readNiftiFile(source.image);
    const labelMap = await readLabelsFile(source.labels);
    assertSameGrid(scan, source.image, labelMap, source.labels);
    const highest = labelMap.data.reduce((a, b) => Math.max(a, b), 0);
    if (highest >= this.#classes) {
      throw new InputError(
        `${source.labels}: holds label ${highest}, dataset.json knows 0 to ${this.#classes - 1}`,
      );
    }
    const { image, geometry } = await prepareScan(this.#gpu, scan, this.#preprocessing);
    const labels = prepareLabels(labelMap, geometry).data;
    const prepared: PreparedCase = {
      name: source.name,
      size: tensorShape(image),
      image: toUint16(image.data),
      labels,
      foregroundVoxels: labels.reduce((sum, label) => sum + (label > 0 ? 1 : 0), 0),
    };
    await mkdir(this.#folder, { recursive: true });
    const tensors = new Map<string, SafeTensor>([
      ['image', { shape: prepared.size, values: prepared.image }],
      ['labels', { shape: prepared.size, values: prepared.labels }],
    ]);
    const metadata = {
      signature: await this.#signature(source),
      foregroundVoxels: String(prepared.foregroundVoxels),
    };
    await writeWhole(this.#path(source), toAsync(encodeSafetensors({ metadata, tensors })));
    return prepared;
  }
}

const bytesOf = ({ image, labels }: PreparedCase) => image.byteLength + labels.byteLength;

async function* toAsync<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
