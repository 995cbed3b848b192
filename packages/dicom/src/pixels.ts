/** The values of slices: their stored bits as numbers, slope and intercept applied. */

import { InputError } from '@organseg/core/inputError.ts';
import { concatenated } from '@organseg/core/volume/concatenated.ts';
import { AIR_HU } from '@organseg/core/volume/hounsfield.ts';
import { decoderOf, isEncapsulated } from './codecs/transferSyntax.ts';
import { type DicomFile, readWhole } from './elements.ts';
import type { DicomSlice, PixelFormat } from './slices.ts';

/** The highest value of CT scanners' 12-bit scale. A padding value above it would be the brightest of the scan. */
const HIGHEST_HU = 3071;

/** Reads the stored bytes of slices; of a file with several frames the pixels stay until another file is read. */
export class SliceReader {
  #file: DicomFile | undefined;
  /** Of compressed pixels the frames, else the parts that the element's value is in. */
  #parts: readonly Uint8Array<ArrayBuffer>[] = [];

  /** The stored values of a slice, little-endian. Throws InputError where there are too few. */
  async read({ file, frame, pixels }: DicomSlice): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#file !== file) {
      const parts = (await readWhole(file)).elements.binary('PixelData').map((each) => new Uint8Array(each));
      this.#parts = isEncapsulated(pixels.transferSyntax) ? framesOf(parts, pixels.frames) : parts;
      this.#file = file;
    }
    const { transferSyntax, columns, rows, bitsAllocated } = pixels;
    const format = { pixels: columns * rows, bytesPerPixel: bitsAllocated / 8 };
    const decode = await decoderOf(transferSyntax, file.name);
    const stored = this.#frame(frame, pixels);
    let values: Uint8Array<ArrayBuffer>;
    try {
      values = decode(stored, format);
    } catch {
      throw new InputError(
        `${file.name}: its compressed pixels cannot be read: they are cut short or damaged`,
      );
    }
    const bytes = format.pixels * format.bytesPerPixel;
    // Some codecs give a byte for each value of up to 8 bits.
    if (bitsAllocated === 16 && values.length === format.pixels && isEncapsulated(transferSyntax))
      return new Uint8Array(Uint16Array.from(values).buffer);
    if (values.length < bytes)
      throw new InputError(`${file.name}: its pixels are cut short: ${values.length} of ${bytes} bytes`);
    return values;
  }

  #frame(frame: number, { transferSyntax, columns, rows, bitsAllocated }: PixelFormat) {
    if (isEncapsulated(transferSyntax)) return this.#parts[frame] ?? new Uint8Array();
    const bytes = (columns * rows * bitsAllocated) / 8;
    return concatenated(this.#parts.map((part) => part.subarray(frame * bytes, (frame + 1) * bytes)));
  }
}

/**
 * The frames of compressed pixels, none where they cannot be told apart. Without a table of offsets dcmjs gives their
 * fragments; the first of a frame begins with the mark of a codestream's start, behind the mark of another one's end.
 */
function framesOf(parts: readonly Uint8Array<ArrayBuffer>[], count: number): Uint8Array<ArrayBuffer>[] {
  if (count === 1) return [concatenated(parts)];
  if (parts.length === count) return [...parts];
  const frames: Uint8Array<ArrayBuffer>[][] = [];
  for (const part of parts) {
    const last = frames.at(-1);
    if (last && !(isStart(part) && isEnd(last.at(-1)!))) last.push(part);
    else frames.push([part]);
  }
  return frames.length === count ? frames.map(concatenated) : [];
}

/** Of JPEG and JPEG-LS SOI and the next mark, of JPEG 2000 SOC and SIZ. */
const isStart = ([a, b, c, d]: Uint8Array) =>
  a === 0xff && c === 0xff && (b === 0xd8 || (b === 0x4f && d === 0x51));

/** EOI, or JPEG 2000's EOC, which is the same; a byte may follow that makes the length even. */
const isEnd = (part: Uint8Array) =>
  [2, 3].some((back) => part.at(-back) === 0xff && part.at(1 - back) === 0xd9);

/** The lowest and the highest value that a slice can hold. */
export function rangeOf({ slope, intercept, pixels }: DicomSlice): [number, number] {
  const { bitsStored, isSigned } = pixels;
  const [low, high] = isSigned
    ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1]
    : [0, 2 ** bitsStored - 1];
  const ends = [low * slope + intercept, high * slope + intercept];
  return [Math.min(...ends), Math.max(...ends)];
}

/**
 * Puts the values of a slice into an array, its last row first. Of a CT, padding that would be brighter than the scale
 * becomes air.
 */
export function putValues(
  bytes: Uint8Array<ArrayBuffer>,
  { slope, intercept, pixels }: DicomSlice,
  isCt: boolean,
  out: Int16Array | Float32Array,
): void {
  const { columns, rows, bitsAllocated, highBit, bitsStored, isSigned, padding } = pixels;
  const stored = arrayOf(bytes, bitsAllocated, columns * rows);
  const [up, down] = [31 - highBit, 32 - bitsStored];
  const plain = (value: number) => (isSigned ? (value << up) >> down : (value << up) >>> down);
  const [low, high] = padding ? padding.map(plain) : [1, 0];
  const isBright = isCt && padding !== undefined && low! * slope + intercept > HIGHEST_HU;
  for (let row = 0; row < rows; row++) {
    const from = (rows - 1 - row) * columns;
    for (let at = row * columns, i = from; i < from + columns; i++, at++) {
      const value = plain(stored[i]!);
      out[at] = isBright && value >= low! && value <= high! ? AIR_HU : value * slope + intercept;
    }
  }
}

function arrayOf(bytes: Uint8Array<ArrayBuffer>, bitsAllocated: number, count: number) {
  const { buffer, byteOffset } = bytes.byteOffset % 4 ? bytes.slice() : bytes;
  if (bitsAllocated === 8) return new Uint8Array(buffer, byteOffset, count);
  return bitsAllocated === 16
    ? new Uint16Array(buffer, byteOffset, count)
    : new Uint32Array(buffer, byteOffset, count);
}
