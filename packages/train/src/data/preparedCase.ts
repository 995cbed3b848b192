/**
 * A prepared case in files, of which parts are read, so that no volume need be in memory for a patch.
 *
 * safetensors, one with
 *   image  U16 [C, D, H, W]   in 65535ths of each channel's range, which the metadata's `ranges` state as [[low, high], …];
 *                             [D, H, W] without them, of one channel from 0 to 1. As exact as CT is, at half of float32's
 *                             size
 * and, where the case has labels, one with
 *   labels U8  [D, H, W]
 *   runs   I32 [R, 2]         the runs of voxels of one label, label by label and in the order of voxels: a run's first
 *                             voxel, and the voxels of the runs before it
 *   counts I32 [256]          the voxels of each label
 * Reading is synchronous: it is for threads that have nothing else to do, and for headers.
 */

import type { SafeTensor, SafeTensorPlace } from '@organseg/core/network/safetensors.ts';
import type { OpenSafetensors } from '@organseg/files/openSafetensors.ts';
import { type Dhw, dhwOfList } from '@organseg/kernels/axes.ts';

const SCALE = 65535;
const LABELS = 256;
const UNIT: Range = [0, 1];

/** A channel's least and greatest value. */
type Range = readonly [low: number, high: number];

/**
 * The tensors and the metadata of an image that is not there yet, and how its channels' values, from the voxel `first` on,
 * are filled in, in parts. Without ranges it has one channel of values from 0 to 1.
 */
export function emptyImage(size: Dhw, ranges?: readonly Range[]) {
  const voxels = size[0] * size[1] * size[2];
  const values = new Uint16Array((ranges?.length ?? 1) * voxels);
  const shape = ranges ? [ranges.length, ...size] : size;
  return {
    tensors: new Map<string, SafeTensor>([['image', { shape, values }]]),
    metadata: (ranges ? { ranges: JSON.stringify(ranges) } : {}) as Readonly<Record<string, string>>,
    fill: (first: number, intensities: Float32Array, channel = 0): void => {
      const [low, high] = ranges?.[channel] ?? UNIT;
      const scale = SCALE / (high - low || 1);
      const at = channel * voxels + first;
      for (let i = 0; i < intensities.length; i++)
        values[at + i] = Math.round((intensities[i]! - low) * scale);
    },
  };
}

/** The tensors of a label map. */
export function labelTensors(size: Dhw, labels: Uint8Array): Map<string, SafeTensor> {
  const { runs, counts } = labelRuns(labels);
  return new Map<string, SafeTensor>([
    ['labels', { shape: size, values: labels }],
    ['runs', { shape: [runs.length / 2, 2], values: runs }],
    ['counts', { shape: [LABELS], values: counts }],
  ]);
}

// Plain loops: a callback for each of some 40 million voxels would take ten times as long.

function labelRuns(labels: Uint8Array): { runs: Int32Array; counts: Int32Array } {
  const counts = new Int32Array(LABELS);
  const runsOf = new Int32Array(LABELS);
  for (const { label, length } of runsIn(labels)) {
    counts[label]! += length;
    runsOf[label]!++;
  }
  const runs = new Int32Array(2 * runsOf.reduce((sum, n) => sum + n, 0));
  // By label: the row of its next run, and the number of its voxels before that run.
  const [row, before] = [startsOf(runsOf), startsOf(counts)];
  for (const { label, first, length } of runsIn(labels)) {
    runs.set([first, before[label]!], 2 * row[label]!++);
    before[label]! += length;
  }
  return { runs, counts };
}

/** The runs of voxels of one label, in the order of voxels. */
function* runsIn(labels: Uint8Array): Generator<{ label: number; first: number; length: number }> {
  for (let first = 0, end = 0; first < labels.length; first = end) {
    const label = labels[first]!;
    while (labels[end] === label) end++;
    yield { label, first, length: end - first };
  }
}

/** The sums of all values before each. */
function startsOf(counts: ArrayLike<number>): number[] {
  let sum = 0;
  return Array.from(counts, (n) => {
    sum += n;
    return sum - n;
  });
}

/** An open prepared case. Whoever opens it closes it. */
export class PreparedCase {
  readonly size: Dhw;
  readonly voxels: number;
  /** Number of voxels of each label, background first. */
  readonly labelVoxels: readonly number[];
  readonly #image: OpenSafetensors;
  readonly #labels: OpenSafetensors | undefined;
  readonly #firstOf: readonly number[];
  /** By channel. */
  readonly #ranges: readonly Range[];

  /** Without labels the case is background throughout. Closes both where it throws. Throws InputError where one holds something else. */
  constructor(image: OpenSafetensors, labels: OpenSafetensors | undefined) {
    this.#image = image;
    this.#labels = labels;
    try {
      this.size = dhwOfList(this.#image.place('image', 'U16').shape.slice(-3));
      const { ranges } = this.#image.metadata;
      this.#ranges = ranges === undefined ? [UNIT] : JSON.parse(ranges);
      this.voxels = this.size.reduce((a, b) => a * b, 1);
      this.labelVoxels = this.#labels
        ? Array.from(this.#labels.tensor('counts').values as Int32Array)
        : [this.voxels, ...new Array<number>(LABELS - 1).fill(0)];
      this.#firstOf = startsOf(this.labelVoxels);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#image.close();
    this.#labels?.close();
  }

  /** The values of each channel, one after another, of a box that may reach beyond the volume; there they are 0. */
  image(from: Dhw, box: Dhw): Float32Array {
    const voxels = box[0] * box[1] * box[2];
    const values = new Float32Array(this.#ranges.length * voxels);
    const { firstByte } = this.#image.place('image', 'U16');
    for (const [channel, [low, high]] of this.#ranges.entries()) {
      const firstOfChannel = firstByte + 2 * channel * this.voxels;
      this.#eachRow(this.#image, firstOfChannel, 2, from, box, (bytes, first, count, at) => {
        const row = new Uint16Array(bytes.buffer, first, count);
        const to = channel * voxels + at;
        for (let i = 0; i < count; i++) values[to + i] = low + (row[i] / SCALE) * (high - low);
      });
    }
    return values;
  }

  /** Labels of a box that may reach beyond the volume; there it holds 0. */
  labels(from: Dhw, box: Dhw): Uint8Array {
    const values = new Uint8Array(box[0] * box[1] * box[2]);
    if (!this.#labels) return values;
    const { firstByte } = this.#labels.place('labels', 'U8');
    this.#eachRow(this.#labels, firstByte, 1, from, box, (bytes, first, count, to) => {
      values.set(bytes.subarray(first, first + count), to);
    });
    return values;
  }

  /**
   * The index of the n-th voxel of a label and, beyond its last one, of those after it. Binary search over the runs.
   */
  nthVoxel(label: number, n: number): number {
    const place = this.#firstOf[label]! + n;
    if (!this.#labels) return place;
    const runs = this.#labels.place('runs', 'I32');
    // The last run before which there are at most so many voxels.
    let [low, high] = [0, runs.shape[0]!];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (runAt(this.#labels, runs, middle)[1] <= place) low = middle;
      else high = middle;
    }
    const [first, before] = runAt(this.#labels, runs, low);
    return first + place - before;
  }

  /** Reads the box plane by plane; `visit` gets a row's bytes and where in the box it begins. */
  #eachRow(
    file: OpenSafetensors,
    firstByte: number,
    elementBytes: number,
    from: Dhw,
    box: Dhw,
    visit: (bytes: Uint8Array, firstByte: number, count: number, to: number) => void,
  ): void {
    const [, height, width] = this.size;
    const first = from.map((n) => Math.max(0, -n));
    const last = box.map((n, axis) => Math.min(n, this.size[axis]! - from[axis]!));
    const [rows, count] = [last[1]! - first[1]!, last[2]! - first[2]!];
    if (rows <= 0 || count <= 0) return;
    for (let d = first[0]!; d < last[0]!; d++) {
      const voxel = ((from[0] + d) * height + from[1] + first[1]!) * width + from[2] + first[2]!;
      const plane = file.read(firstByte + voxel * elementBytes, ((rows - 1) * width + count) * elementBytes);
      for (let row = 0; row < rows; row++) {
        const to = (d * box[1] + first[1]! + row) * box[2] + first[2]!;
        visit(plane, row * width * elementBytes, count, to);
      }
    }
  }
}

/** A run's first voxel, and the voxels of the runs before it. */
function runAt(file: OpenSafetensors, { firstByte }: SafeTensorPlace, row: number): [number, number] {
  const view = new DataView(file.read(firstByte + 8 * row, 8).buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}
