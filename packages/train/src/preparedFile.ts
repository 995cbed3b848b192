/**
 * A prepared case on disk, of which parts are read, so that no volume need be in memory for a patch.
 *
 * safetensors with
 *   image  U16 [D, H, W]      intensities × 65535: as exact as CT is, at half of float32's size
 *   labels U8  [D, H, W]
 *   runs   I32 [R + 1, 2]     the runs of foreground, in the order of voxels: a run's first voxel, and the foreground
 *                             voxels before it; the last row ends them with the numbers of all voxels
 * Reading is synchronous: it is for threads that have nothing else to do, and for headers.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import {
  decodeSafetensorsHeader,
  type SafeTensor,
  type SafeTensorPlace,
  type SafeTensorsHeader,
  safetensorsHeaderBytes,
} from '@organseg/core/network/safetensors.ts';

/** D, H, W. */
export type Size = readonly [number, number, number];

const SCALE = 65535;

/** The tensors of a case whose intensities are in [0, 1]. */
export function preparedTensors(
  size: Size,
  image: Float32Array,
  labels: Uint8Array,
): Map<string, SafeTensor> {
  const runs = foregroundRuns(labels);
  return new Map<string, SafeTensor>([
    ['image', { shape: size, values: Uint16Array.from(image, (x) => Math.round(x * SCALE)) }],
    ['labels', { shape: size, values: labels }],
    ['runs', { shape: [runs.length / 2, 2], values: runs }],
  ]);
}

function foregroundRuns(labels: Uint8Array): Int32Array {
  const begins = (i: number) => labels[i] > 0 && !(labels[i - 1] > 0);
  let count = 0;
  for (let i = 0; i < labels.length; i++) if (begins(i)) count++;
  const runs = new Int32Array(2 * (count + 1));
  let foreground = 0;
  for (let i = 0, row = 0; i < labels.length; i++) {
    if (begins(i)) runs.set([i, foreground], 2 * row++);
    if (labels[i] > 0) foreground++;
  }
  runs.set([labels.length, foreground], 2 * count);
  return runs;
}

/** An open prepared case. Close it. */
export class PreparedFile {
  readonly metadata: SafeTensorsHeader['metadata'];
  readonly size: Size;
  readonly voxels: number;
  readonly foregroundVoxels: number;
  readonly #path: string;
  readonly #file: number;
  readonly #image: SafeTensorPlace;
  readonly #labels: SafeTensorPlace;
  readonly #runs: SafeTensorPlace;

  /** Throws InputError where the file is no prepared case, or one of an older form. */
  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'r');
    try {
      const { size: fileBytes } = fstatSync(this.#file);
      const beginning = this.#read(0, Math.min(8, fileBytes));
      const header = this.#read(0, safetensorsHeaderBytes(beginning, fileBytes, path));
      const { metadata, tensors } = decodeSafetensorsHeader(header, fileBytes, path);
      const [image, labels, runs] = ['image', 'labels', 'runs'].map((name) => tensors.get(name));
      if (image?.dtype !== 'U16' || labels?.dtype !== 'U8' || runs?.dtype !== 'I32') {
        throw new InputError(`${path}: is no prepared case`);
      }
      this.metadata = metadata;
      [this.#image, this.#labels, this.#runs] = [image, labels, runs];
      this.size = image.shape as unknown as Size;
      [this.voxels, this.foregroundVoxels] = this.#run(this.#runCount) as [number, number];
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Intensities in [0, 1] of a box that may reach beyond the volume; there it holds 0. */
  image(from: Size, box: Size): Float32Array {
    const values = new Float32Array(box[0] * box[1] * box[2]);
    this.#eachRow(this.#image, 2, from, box, (bytes, firstByte, count, to) => {
      const row = new Uint16Array(bytes.buffer, firstByte, count);
      for (let i = 0; i < count; i++) values[to + i] = row[i] / SCALE;
    });
    return values;
  }

  labels(from: Size, box: Size): Uint8Array {
    const values = new Uint8Array(box[0] * box[1] * box[2]);
    this.#eachRow(this.#labels, 1, from, box, (bytes, firstByte, count, to) => {
      values.set(bytes.subarray(firstByte, firstByte + count), to);
    });
    return values;
  }

  /** The index of the n-th voxel that is foreground, or background: binary search over the runs. */
  nthVoxel(n: number, foreground: boolean): number {
    // The last run before whose beginning there are at most n of these voxels; -1 for none.
    let [low, high] = [-1, this.#runCount];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const [first, before] = this.#run(middle);
      if ((foreground ? before : first - before) <= n) low = middle;
      else high = middle;
    }
    if (foreground) {
      const [first, before] = this.#run(low);
      return first + n - before;
    }
    const [, before] = low < 0 ? [0, 0] : this.#run(low + 1);
    return n + before;
  }

  get #runCount(): number {
    return this.#runs.shape[0]! - 1;
  }

  #run(row: number): [first: number, before: number] {
    const bytes = this.#read(this.#runs.firstByte + 8 * row, 8);
    const view = new DataView(bytes.buffer);
    return [view.getInt32(0, true), view.getInt32(4, true)];
  }

  /** Reads the box plane by plane; `visit` gets a row's bytes and where in the box it begins. */
  #eachRow(
    { firstByte }: SafeTensorPlace,
    elementBytes: number,
    from: Size,
    box: Size,
    visit: (bytes: Uint8Array, firstByte: number, count: number, to: number) => void,
  ): void {
    const [, height, width] = this.size;
    const first = from.map((n) => Math.max(0, -n));
    const last = box.map((n, axis) => Math.min(n, this.size[axis]! - from[axis]!));
    const [rows, count] = [last[1]! - first[1]!, last[2]! - first[2]!];
    if (rows <= 0 || count <= 0) return;
    for (let d = first[0]!; d < last[0]!; d++) {
      const voxel = ((from[0] + d) * height + from[1] + first[1]!) * width + from[2] + first[2]!;
      const plane = this.#read(firstByte + voxel * elementBytes, ((rows - 1) * width + count) * elementBytes);
      for (let row = 0; row < rows; row++) {
        const to = (d * box[1] + first[1]! + row) * box[2] + first[2]!;
        visit(plane, row * width * elementBytes, count, to);
      }
    }
  }

  /** Into a buffer of its own, so that wider elements are aligned in it. */
  #read(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#file, bytes, done, length - done, position + done);
      if (read === 0) throw new InputError(`${this.#path}: cut short`);
      done += read;
    }
    return bytes;
  }
}
