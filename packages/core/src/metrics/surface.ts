/**
 * The surface of a mask as google-deepmind/surface-distance defines it: its elements sit on the corners that
 * voxels share, wherever the up to eight voxels around a corner are neither all in the mask nor all out.
 *
 * One bit per voxel and per corner: 32 corners are classified by a few integer operations.
 */
import type { Box, Xyz } from '../volume/volume.ts';
import type { LabelMap } from './labelMap.ts';
import { byteWords, runEnd } from './labelRuns.ts';

/** A mask's surface in a box. */
export interface Surface {
  /** The number of corners along x, y, z: one more than voxels. Corner c lies between the voxels c − 1 and c of the box. */
  readonly shape: Xyz;
  /** The number of 32-bit words in a row of bits along x. */
  readonly words: number;
  /** Bit x of row y + shape[1]·z: whether corner (x, y, z) is a surface element. */
  readonly elements: Int32Array;
  /** Bit x + 1 of row (y + 1) + (shape[1] + 1)·(z + 1): whether voxel (x, y, z) is in the mask. Zeros all round. */
  readonly mask: Int32Array;
}

/** The surface of one label inside `box`; beyond the box counts as background. */
export function labelSurface(map: LabelMap, label: number, box: Box): Surface {
  const { min, max } = box;
  const shape: Xyz = [max[0] - min[0] + 1, max[1] - min[1] + 1, max[2] - min[2] + 1];
  const words = Math.ceil((shape[0] + 1) / 32);
  const mask = maskBits(map, label, box, words);
  return { shape, words, mask, elements: elementBits(mask, shape, words) };
}

/** Calls `visit` for every surface element with its corner and its neighbour code (1 to 254; see surfaceArea). */
export function forEachElement(
  surface: Surface,
  visit: (x: number, y: number, z: number, code: number) => void,
): void {
  const { shape, words, elements } = surface;
  for (let z = 0, at = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let word = 0; word < words; word++, at++) {
        for (let rest = elements[at]; rest !== 0; rest &= rest - 1) {
          const bit = 31 - Math.clz32(rest & -rest);
          visit(32 * word + bit, y, z, neighbourCode(surface, word, bit, y, z));
        }
      }
    }
  }
}

function neighbourCode({ mask, words, shape }: Surface, word: number, bit: number, y: number, z: number) {
  // The rows of voxels around the corner: y and z each before or after it.
  const slice = (shape[1] + 1) * words;
  const row = y * words + z * slice + word;
  return (
    (voxelPair(mask, row, bit) << 3) |
    (voxelPair(mask, row + slice, bit) << 2) |
    (voxelPair(mask, row + words, bit) << 1) |
    voxelPair(mask, row + words + slice, bit)
  );
}

/** The voxels before and after a corner along x, as bits 4 and 0. */
function voxelPair(mask: Int32Array, at: number, bit: number): number {
  const after = bit === 31 ? mask[at + 1] : mask[at] >>> (bit + 1);
  return (((mask[at] >>> bit) & 1) << 4) | (after & 1);
}

function maskBits(map: LabelMap, label: number, { min, max }: Box, words: number): Int32Array {
  const [ny, nz] = [max[1] - min[1], max[2] - min[2]];
  // One word more than the rows have: reading a row's end looks one word ahead.
  const bits = new Int32Array((ny + 2) * (nz + 2) * words + 1);
  for (let z = 0; z < nz; z++) {
    const slice = byteWords(map.rows(min[2] + z, min[1], max[1]));
    for (let y = 0; y < ny; y++) {
      const row = (y + 1 + (ny + 2) * (z + 1)) * words;
      const first = map.shape[0] * y + min[0];
      const end = map.shape[0] * y + max[0];
      for (let at = first; at < end; ) {
        const start = at;
        at = runEnd(slice, slice, start, end);
        if (slice.bytes[start] === label) setBits(bits, row, start - first + 1, at - first + 1);
      }
    }
  }
  return bits;
}

/** Sets the bits `from` to `to` − 1 of the row that starts at word `row`. */
function setBits(bits: Int32Array, row: number, from: number, to: number): void {
  const last = row + ((to - 1) >> 5);
  let mask = -1 << (from & 31);
  for (let word = row + (from >> 5); word < last; word++, mask = -1) bits[word] |= mask;
  bits[last] |= mask & (-1 >>> (-to & 31));
}

function elementBits(mask: Int32Array, [, ny, nz]: Xyz, words: number): Int32Array {
  const bits = new Int32Array(ny * nz * words);
  for (let z = 0, out = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      let a = (y + (ny + 1) * z) * words;
      let b = a + words;
      let c = a + (ny + 1) * words;
      let d = c + words;
      for (let word = 0; word < words; word++, out++, a++, b++, c++, d++) {
        const any = mask[a] | mask[b] | mask[c] | mask[d];
        const all = mask[a] & mask[b] & mask[c] & mask[d];
        // The voxels after each corner: the same bits moved down by one. A row's first bit is always 0, so the
        // next row may stand in for what follows the last word.
        const anyAhead = mask[a + 1] | mask[b + 1] | mask[c + 1] | mask[d + 1];
        const allAhead = mask[a + 1] & mask[b + 1] & mask[c + 1] & mask[d + 1];
        const anyAfter = (any >>> 1) | (anyAhead << 31);
        const allAfter = (all >>> 1) | (allAhead << 31);
        bits[out] = (any | anyAfter) & ~(all & allAfter);
      }
    }
  }
  return bits;
}
