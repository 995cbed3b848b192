/** The elements of a DICOM data set by their names in the standard, as dcmjs parses them. */
import { InputError } from '@organseg/core/inputError.ts';
import { type DicomDict, data, log } from 'dcmjs';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from './codecs/transferSyntax.ts';

// Its warnings quote what elements hold, a patient's name too.
for (const logger of [log, log.getLogger('validation.dcmjs')]) logger.setLevel('silent', false);

/** A file, or what stands for one: where it comes from is for whoever makes it. */
export interface DicomFile {
  /** How messages name it. */
  readonly name: string;
  /** The first bytes of it, or all. */
  read(atMost?: number): Promise<Uint8Array<ArrayBuffer>>;
}

export class Elements {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  /** Whether there is such an element with a value. */
  has(name: string): boolean {
    const value = this.#values[name];
    return value !== undefined && value !== null && value !== '';
  }

  /** All values of an element as dcmjs gives them; none where it is missing or empty. */
  raw(name: string): readonly unknown[] {
    if (!this.has(name)) return [];
    const value = this.#values[name];
    return Array.isArray(value) ? value : [value];
  }

  /** The value of an element as dcmjs gives it, and takes it to write. */
  value(name: string): unknown {
    return this.#values[name];
  }

  texts(name: string): string[] {
    return this.raw(name).map((value) =>
      typeof value === 'object' && value && 'Alphabetic' in value ? String(value.Alphabetic) : String(value),
    );
  }

  text(name: string): string | undefined {
    return this.texts(name)[0]?.trim() || undefined;
  }

  numbers(name: string): number[] {
    return this.raw(name).map(Number);
  }

  number(name: string): number | undefined {
    return this.numbers(name)[0];
  }

  /** The items of a sequence. */
  items(name: string): Elements[] {
    return this.raw(name).map((item) => new Elements(item as Record<string, unknown>));
  }

  /** The binary values of an element: the pixels of native images, a frame each of compressed ones. */
  binary(name: string): ArrayBuffer[] {
    return this.raw(name).filter((value) => value instanceof ArrayBuffer);
  }
}

export interface DicomObject {
  readonly elements: Elements;
  readonly transferSyntax: string;
  /** Whether it has pixels; where the head of a file was read, they are not among the elements. */
  readonly hasPixels: boolean;
}

const PIXEL_DATA = '7FE00010';
const PREAMBLE_BYTES = 128;
const HEAD_BYTES = 64 << 10;

/** All elements of a file but its pixels; undefined where it is not DICOM. Throws InputError where it is, and broken. */
export async function readHead(file: DicomFile): Promise<DicomObject | undefined> {
  const head = withPreamble(await file.read(HEAD_BYTES));
  if (!head) return undefined;
  try {
    const object = parse(head, true);
    if (object.hasPixels) return object;
  } catch {
    // The head of a deflated file, or one that ends amidst an element.
  }
  return parseWhole(file, withPreamble(await file.read()), true);
}

/** All elements of a file that is DICOM. Throws InputError. */
export const readWhole = async (file: DicomFile): Promise<DicomObject> =>
  parseWhole(file, withPreamble(await file.read()), false);

function parseWhole(
  file: DicomFile,
  bytes: Uint8Array<ArrayBuffer> | undefined,
  isHead: boolean,
): DicomObject {
  try {
    return parse(bytes!, isHead);
  } catch {
    throw new InputError(`${file.name}: its DICOM elements cannot be read: it is cut short or damaged`);
  }
}

function parse(bytes: Uint8Array<ArrayBuffer>, isHead: boolean): DicomObject {
  const { buffer, byteOffset, byteLength } = bytes;
  const whole = byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
  const { dict, meta } = data.DicomMessage.readFile(whole, {
    ignoreErrors: false,
    ...(isHead && { untilTag: PIXEL_DATA, includeUntilTagValue: false }),
  }) satisfies DicomDict;
  const { [PIXEL_DATA]: pixels, ...others } = dict;
  const values = data.DicomMetaDictionary.naturalizeDataset(others);
  if (pixels && !isHead) values.PixelData = pixels.Value;
  return {
    elements: new Elements(values),
    transferSyntax: String(meta['00020010']!.Value[0]),
    hasPixels: pixels !== undefined,
  };
}

/**
 * The bytes of a file as Part 10 of the standard wants them: those before it have no preamble, or neither that nor a
 * header of their own. Undefined where they are not DICOM.
 */
function withPreamble(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  if (textAt(bytes, PREAMBLE_BYTES) === 'DICM') return bytes;
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [group, element] = [view.getUint16(0, true), view.getUint16(2, true)];
  const isExplicit = /^[A-Z]{2}$/.test(textAt(bytes, 4).slice(0, 2));
  const preamble = new Uint8Array(PREAMBLE_BYTES + 4);
  preamble.set(new TextEncoder().encode('DICM'), PREAMBLE_BYTES);
  if (group === 2 && element === 0 && isExplicit) return concatenated(preamble, bytes);
  const isFirst = group === 8 && element <= 0x18 && (isExplicit || view.getUint32(4, true) <= 64);
  if (!isFirst) return undefined;
  const syntax = isExplicit ? EXPLICIT_LITTLE_ENDIAN : IMPLICIT_LITTLE_ENDIAN;
  return concatenated(preamble, metaOf(syntax), bytes);
}

/** The header of a file that names its transfer syntax alone. */
function metaOf(transferSyntax: string): Uint8Array {
  const padded = transferSyntax.length % 2 ? `${transferSyntax}\0` : transferSyntax;
  const bytes = new Uint8Array(12 + 8 + padded.length);
  const view = new DataView(bytes.buffer);
  const write = (at: number, element: number, vr: string, length: number) => {
    view.setUint16(at, 2, true);
    view.setUint16(at + 2, element, true);
    bytes.set(new TextEncoder().encode(vr), at + 4);
    view.setUint16(at + 6, length, true);
  };
  write(0, 0, 'UL', 4);
  view.setUint32(8, 8 + padded.length, true);
  write(12, 0x10, 'UI', padded.length);
  bytes.set(new TextEncoder().encode(padded), 20);
  return bytes;
}

const textAt = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

export function concatenated(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
