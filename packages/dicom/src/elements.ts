/** The elements of a DICOM data set by their names in the standard, as dcmjs parses them. */
import { InputError } from '@organseg/core/inputError.ts';
import { type DicomDict, data, log } from 'dcmjs';
import { withPreamble } from './preamble.ts';

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
    return this.raw(name).map((value) => (value === null ? Number.NaN : Number(value)));
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

/**
 * dcmjs decodes texts by one character set: where there are several, or one that it does not know, by the first or by its
 * own, which numbers and codes are the same in.
 */
function readFile(bytes: ArrayBuffer, isHead: boolean): DicomDict {
  // What follows the pixels is not needed, and may be no element.
  const until = { untilTag: PIXEL_DATA, includeUntilTagValue: !isHead };
  try {
    return data.DicomMessage.readFile(bytes, { ignoreErrors: false, ...until });
  } catch (error) {
    if (!/character set/.test((error as Error).message)) throw error;
    return data.DicomMessage.readFile(bytes, { ignoreErrors: true, ...until });
  }
}

/** Takes the decimal commas that some writers use for points; dcmjs leaves them out, which makes whole numbers. */
function readDecimalCommas(dict: DicomDict['dict']): void {
  for (const element of Object.values(dict)) {
    if (element.vr === 'SQ') for (const item of element.Value) readDecimalCommas(item as DicomDict['dict']);
    if (element.vr === 'DS' && element._rawValue?.some((text) => String(text).includes(',')))
      element.Value = element._rawValue.map((text) => Number(String(text).replace(',', '.')));
  }
}

function parse(bytes: Uint8Array<ArrayBuffer>, isHead: boolean): DicomObject {
  const { buffer, byteOffset, byteLength } = bytes;
  const whole = byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
  const { dict, meta } = readFile(whole, isHead);
  const { [PIXEL_DATA]: pixels, ...others } = dict;
  readDecimalCommas(others);
  const values = data.DicomMetaDictionary.naturalizeDataset(others);
  if (pixels && !isHead) values.PixelData = pixels.Value;
  return {
    elements: new Elements(values),
    transferSyntax: String(meta['00020010']!.Value[0]),
    hasPixels: pixels !== undefined,
  };
}
