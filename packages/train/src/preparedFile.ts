/**
 * A prepared case on disk, of which parts are read, so that no volume need be in memory for a patch.
 *
 * safetensors with
 *   image  U16 [D, H, W]      intensities × 65535: as exact as CT is, at half of float32's size
 *   labels U8  [D, H, W]
 *   runs   I32 [R, 2]         the runs of voxels of one label, label by label and in the order of voxels: a run's first
 *                             voxel, and the voxels of the runs before it
 *   counts I32 [256]          the voxels of each label
 * Reading is synchronous: it is for threads that have nothing else to do, and for headers.
 */
import { InputError } from '@organseg/core/inputError.ts';
import type { SafeTensor, SafeTensorPlace } from '@organseg/core/network/safetensors.ts';
import { SafetensorsFile } from './safetensorsFile.ts';

/** D, H, W. */
export type Size = readonly [number, number, number];

const SCALE = 65535;
const LABELS = 256;

/** The tensors of a case whose intensities are in [0, 1]. */
export function preparedTensors(
  size: Size,
  image: Float32Array,
  labels: Uint8Array,
): Map<string, SafeTensor> {
  const { runs, counts } = labelRuns(labels);
  return new Map<string, SafeTensor>([
    ['image', { shape: size, values: Uint16Array.from(image, (x) => Math.round(x * SCALE)) }],
    ['labels', { shape: size, values: labels }],
    ['runs', { shape: [runs.length / 2, 2], values: runs }],
    ['counts', { shape: [LABELS], values: counts }],
  ]);
}

function labelRuns(labels: Uint8Array): { runs: Int32Array; counts: Int32Array } {
  const counts = new Int32Array(LABELS);
  const runsOf = new Int32Array(LABELS);
  labels.forEach((label, i) => {
    counts[label]!++;
    if (label !== labels[i - 1]) runsOf[label]!++;
  });
  const runs = new Int32Array(2 * runsOf.reduce((sum, n) => sum + n, 0));
  // Of each label: the row of its next run, and the voxels before the next one.
  const [row, before] = [startsOf(runsOf), startsOf(counts)];
  labels.forEach((label, i) => {
    if (label !== labels[i - 1]) runs.set([i, before[label]!], 2 * row[label]!++);
    before[label]!++;
  });
  return { runs, counts };
}

/** The sum of all values before each. */
function startsOf(counts: ArrayLike<number>): number[] {
  let sum = 0;
  return Array.from(counts, (n) => {
    sum += n;
    return sum - n;
  });
}

/** An open prepared case. Close it. */
export class PreparedFile {
  readonly size: Size;
  readonly voxels: number;
  /** Of each label, background first. */
  readonly labelVoxels: readonly number[];
  readonly #file: SafetensorsFile;
  readonly #image: SafeTensorPlace;
  readonly #labels: SafeTensorPlace;
  readonly #runs: SafeTensorPlace;
  readonly #firstOf: readonly number[];

  /** Throws InputError where the file is no prepared case, or one of an older form. */
  constructor(path: string) {
    this.#file = new SafetensorsFile(path);
    try {
      const [image, labels, runs, counts] = ['image', 'labels', 'runs', 'counts'].map((name) =>
        this.#file.tensors.get(name),
      );
      if (
        image?.dtype !== 'U16' ||
        labels?.dtype !== 'U8' ||
        runs?.dtype !== 'I32' ||
        counts?.dtype !== 'I32'
      ) {
        throw new InputError(`${path}: is no prepared case`);
      }
      [this.#image, this.#labels, this.#runs] = [image, labels, runs];
      this.size = image.shape as unknown as Size;
      this.voxels = image.shape.reduce((a, b) => a * b, 1);
      this.labelVoxels = Array.from(this.#file.tensor('counts').values as Int32Array);
      this.#firstOf = startsOf(this.labelVoxels);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get metadata(): SafetensorsFile['metadata'] {
    return this.#file.metadata;
  }

  close(): void {
    this.#file.close();
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

  /** The index of the n-th voxel of a label and, beyond its last one, of those after it. Binary search over the runs. */
  nthVoxel(label: number, n: number): number {
    const place = this.#firstOf[label]! + n;
    // The last run before which there are at most so many voxels.
    let [low, high] = [0, this.#runs.shape[0]!];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#run(middle)[1] <= place) low = middle;
      else high = middle;
    }
    const [first, before] = this.#run(low);
    return first + place - before;
  }

  #run(row: number): [first: number, before: number] {
    const bytes = this.#file.read(this.#runs.firstByte + 8 * row, 8);
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
      const plane = this.#file.read(
        firstByte + voxel * elementBytes,
        ((rows - 1) * width + count) * elementBytes,
      );
      for (let row = 0; row < rows; row++) {
        const to = (d * box[1] + first[1]! + row) * box[2] + first[2]!;
        visit(plane, row * width * elementBytes, count, to);
      }
    }
  }
}
