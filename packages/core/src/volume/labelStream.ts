/**
 * Label maps as streams: the header first, then the labels in blocks, each checked against a table. Kept packed,
 * two labels a byte where the table allows, so that a pair of large maps fits where memory is short.
 */
import { InputError } from '../inputError.ts';
import type { ByteSource } from './byteReader.ts';
import { openNifti, shape3d } from './niftiRead.ts';
import type { Grid, Triple, VoxelArray } from './volume.ts';

export interface LabelStream extends Grid {
  readonly name: string;
  /** Voxel size in mm as the header states it, in float32: what decides which voxels are within a tolerance. */
  readonly spacingMm: Triple;
  /** In the file's order (x fastest). A block is overwritten by the next; ends after the whole file proved sound. */
  blocks(): AsyncGenerator<Uint8Array>;
  /** Lets go of the source; for whoever wants no labels. */
  cancel(): Promise<void>;
}

/** Labels that a map may hold besides 0, and how many voxels it may have. */
export interface LabelLimits {
  readonly labels: readonly number[];
  readonly maxVoxels: number;
}

/** Reads the header. Throws InputError, also from `blocks` where a voxel is no label of the table. */
export async function openLabels(file: ByteSource, limits: LabelLimits): Promise<LabelStream> {
  const nifti = await openNifti(file);
  try {
    const { affine, space } = nifti.header;
    const shape = shape3d(nifti.header, file.name, limits.maxVoxels);
    const [sx, sy, sz] = space.pixdim;
    return {
      name: file.name,
      shape,
      affine,
      spacingMm: [Math.fround(sx), Math.fround(sy), Math.fround(sz)],
      blocks: () => checkedLabels(nifti.voxels(), shape, limits.labels, file.name),
      cancel: () => nifti.cancel(),
    };
  } catch (error) {
    await nifti.cancel();
    throw error;
  }
}

async function* checkedLabels(
  blocks: AsyncGenerator<VoxelArray>,
  [nx, ny]: Triple,
  labels: readonly number[],
  name: string,
): AsyncGenerator<Uint8Array> {
  const isLabel = new Uint8Array(256);
  for (const label of [0, ...labels]) isLabel[label] = 1;
  const bytes = new Uint8Array(1 << 20);
  let done = 0;
  for await (const block of blocks) {
    // Labels that are bytes already need no copy. A block has at most as many values as bytes.
    const out = block instanceof Uint8Array ? block : bytes.subarray(0, block.length);
    if (out !== block) out.set(block);
    for (let i = 0; i < block.length; i++) {
      if (out[i] === block[i] && isLabel[out[i]]) continue;
      const at = done + i;
      const voxel = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))].join(', ');
      throw new InputError(`${name}: voxel (${voxel}) is ${block[i]}; labels are ${listed(labels)}`);
    }
    yield out;
    done += block.length;
  }
}

/** "0 to 13" where there are no gaps, else "0, 2, 5". */
function listed(labels: readonly number[]): string {
  const sorted = [0, ...labels].sort((a, b) => a - b);
  const last = sorted[sorted.length - 1];
  return last === sorted.length - 1 ? `whole numbers from 0 to ${last}` : sorted.join(', ');
}

/** A label map kept in four bits a label where its table ends at 15 or below, else in a byte. */
export interface PackedLabels extends Grid {
  readonly name: string;
  readonly spacingMm: Triple;
  /** The labels of the rows yMin to yMax − 1 of slice z, x fastest; the next call overwrites them. */
  rows(z: number, yMin: number, yMax: number): Uint8Array;
}

/** Slabs of whole slices, of about this many bytes: memory follows what has arrived, and nothing is ever moved. */
const SLAB_BYTES = 1 << 20;

/** Reads the labels of an opened map to their end and keeps them. Throws InputError. */
export async function packLabels(stream: LabelStream, labels: readonly number[]): Promise<PackedLabels> {
  const { name, shape, affine, spacingMm } = stream;
  const [nx, ny, nz] = shape;
  const isHalf = Math.max(0, ...labels) < 16;
  const slabSlices = Math.min(nz, Math.max(1, Math.floor(((isHalf ? 2 : 1) * SLAB_BYTES) / (nx * ny))));
  const slabVoxels = nx * ny * slabSlices;
  const slabs: Uint8Array[] = [];
  let filled = slabVoxels;
  for await (const block of stream.blocks()) {
    for (let at = 0; at < block.length; ) {
      if (filled === slabVoxels) {
        slabs.push(new Uint8Array(isHalf ? (slabVoxels + 1) >> 1 : slabVoxels));
        filled = 0;
      }
      const part = block.subarray(at, at + slabVoxels - filled);
      if (isHalf) packHalves(slabs[slabs.length - 1], filled, part);
      else slabs[slabs.length - 1].set(part, filled);
      filled += part.length;
      at += part.length;
    }
  }
  const unpack = isHalf ? unpacker(nx * ny) : undefined;
  const rows = (z: number, yMin: number, yMax: number) => {
    const slab = slabs[Math.floor(z / slabSlices)];
    const first = nx * ny * (z % slabSlices);
    const [start, end] = [first + nx * yMin, first + nx * yMax];
    return unpack ? unpack(slab, start, end) : slab.subarray(start, end);
  };
  return { name, shape, affine, spacingMm, rows };
}

/** Label i of a slab lies in byte i >> 1, an even one in the low half. */
function packHalves(slab: Uint8Array, start: number, labels: Uint8Array): void {
  let i = 0;
  if (start & 1) slab[start >> 1] |= labels[i++] << 4;
  let at = (start + i) >> 1;
  for (; i + 1 < labels.length; i += 2) slab[at++] = labels[i] | (labels[i + 1] << 4);
  if (i < labels.length) slab[at] = labels[i];
}

/** Unpacks up to `most` labels, from `start` to `end` − 1, into memory of its own. */
function unpacker(most: number): (slab: Uint8Array, start: number, end: number) => Uint8Array {
  // Two at once, as a little-endian pair; rows that start in the middle of a byte have one more before them.
  const pairs = Uint16Array.from({ length: 256 }, (_, byte) => (byte & 15) | ((byte >> 4) << 8));
  const out = new Uint16Array((most + 3) >> 1);
  const bytes = new Uint8Array(out.buffer);
  return (slab, start, end) => {
    const first = start >> 1;
    const last = (end + 1) >> 1;
    for (let i = first; i < last; i++) out[i - first] = pairs[slab[i]];
    return bytes.subarray(start & 1, (start & 1) + end - start);
  };
}
