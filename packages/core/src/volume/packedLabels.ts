/**
 * Label maps kept small, so that a pair of large ones fits where memory is short. A slab of slices is kept as runs of
 * equal labels where that is smaller, as it is by far for organs, and else as it is: two labels a byte where the
 * table ends at 15 or below, one a byte where it does not.
 */
import type { LabelStream } from './labelStream.ts';
import type { Grid, Xyz } from './volume.ts';

/** A label map that was read, packed. */
export interface PackedLabels extends Grid {
  readonly name: string;
  readonly spacingMm: Xyz;
  /** The memory that the labels take. */
  readonly bytes: number;
  /** The labels of the rows yMin to yMax − 1 of slice z, x fastest; the next call overwrites them. */
  rows(z: number, yMin: number, yMax: number): Uint8Array;
}

/** The fewest voxels of a slab, so that a map of tiny slices is not kept in as many pieces. */
const SLAB_VOXELS = 1 << 16;

/** Writes the labels `start` to `end` − 1 of a slab to the beginning of `out`. */
type Slab = (start: number, end: number, out: Uint8Array) => void;

/** Reads the labels of an opened map to their end and keeps them. Throws InputError. */
export async function packLabels(stream: LabelStream, labels: readonly number[]): Promise<PackedLabels> {
  const { name, shape, affine, spacingMm } = stream;
  const [nx, ny, nz] = shape;
  const isHalf = Math.max(0, ...labels) < 16;
  const slabSlices = Math.min(nz, Math.ceil(SLAB_VOXELS / (nx * ny)));
  const slabs: Slab[] = [];
  let bytes = 0;
  const keep = (slab: Uint8Array) => {
    const packed = packSlab(slab, isHalf);
    slabs.push(packed.slab);
    bytes += packed.bytes;
  };

  const filling = new Uint8Array(nx * ny * slabSlices);
  let filled = 0;
  for await (const block of stream.blocks()) {
    for (let at = 0; at < block.length; ) {
      const part = block.subarray(at, at + filling.length - filled);
      filling.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < filling.length) continue;
      keep(filling);
      filled = 0;
    }
  }
  if (filled > 0) keep(filling.subarray(0, filled));

  const out = new Uint8Array(nx * ny);
  const rows = (z: number, yMin: number, yMax: number) => {
    const first = nx * ny * (z % slabSlices);
    slabs[Math.floor(z / slabSlices)](first + nx * yMin, first + nx * yMax, out);
    return out.subarray(0, nx * (yMax - yMin));
  };
  return { name, shape, affine, spacingMm, bytes, rows };
}

function packSlab(labels: Uint8Array, isHalf: boolean): { slab: Slab; bytes: number } {
  const packedBytes = isHalf ? (labels.length + 1) >> 1 : labels.length;
  const runs = runsOf(labels, packedBytes >> 2);
  if (runs) return { slab: fromRuns(runs), bytes: runs.byteLength };
  return { slab: isHalf ? fromHalves(halves(labels)) : fromBytes(labels.slice()), bytes: packedBytes };
}

/** The runs, a word each: the end in the slab, above eight bits of label. Null where there are more than `most`. */
function runsOf(labels: Uint8Array, most: number): Uint32Array | null {
  if (labels.length > 1 << 24) return null;
  const runs = new Uint32Array(most);
  let count = 0;
  for (let at = 0; at < labels.length; ) {
    if (count === most) return null;
    const label = labels[at];
    do at++;
    while (at < labels.length && labels[at] === label);
    // The last run of the largest slab ends at 2²⁴, which is kept as 0.
    runs[count++] = ((at << 8) | label) >>> 0;
  }
  return runs.slice(0, count);
}

function fromRuns(runs: Uint32Array): Slab {
  return (start, end, out) => {
    for (let run = firstRunPast(runs, start), at = start; at < end; run++) {
      const stop = Math.min(endOf(runs[run]), end);
      out.fill(runs[run] & 255, at - start, stop - start);
      at = stop;
    }
  };
}

const endOf = (run: number): number => run >>> 8 || 1 << 24;

/** The first run that ends past a place. */
function firstRunPast(runs: Uint32Array, place: number): number {
  let [low, high] = [0, runs.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endOf(runs[middle]) > place) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Label i in byte i >> 1, an even one in the low half. */
function halves(labels: Uint8Array): Uint8Array {
  const packed = new Uint8Array((labels.length + 1) >> 1);
  for (let i = 0; i < labels.length; i += 2) packed[i >> 1] = labels[i] | (labels[i + 1] << 4);
  return packed;
}

function fromHalves(packed: Uint8Array): Slab {
  return (start, end, out) => {
    for (let i = start; i < end; i++) out[i - start] = (packed[i >> 1] >> (4 * (i & 1))) & 15;
  };
}

function fromBytes(labels: Uint8Array): Slab {
  return (start, end, out) => out.set(labels.subarray(start, end));
}
