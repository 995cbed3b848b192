/** Transfer syntaxes: how the pixels of a DICOM file are stored, and what decodes them. */
import { InputError } from '@organseg/core/inputError.ts';
import { decodeRle } from './rle.ts';

export interface FrameFormat {
  readonly pixels: number;
  readonly bytesPerPixel: number;
}

/** Gives the stored values of a frame, little-endian. Throws where the frame does not hold them. */
type Decode = (frame: Uint8Array<ArrayBuffer>, format: FrameFormat) => Uint8Array<ArrayBuffer>;

interface TransferSyntax {
  readonly name: string;
  /** Loads what decodes its frames; undefined where the values are stored as they are. */
  readonly load?: () => Promise<Decode>;
}

/** Loads the first time alone: to be loaded twice is what the embind modules do not stand. */
function once(load: () => Promise<Decode>): () => Promise<Decode> {
  let loaded: Promise<Decode> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}

const loadJpegLossless = once(async () => {
  const { Decoder } = await import('jpeg-lossless-decoder-js');
  return ({ buffer, byteOffset, byteLength }) =>
    new Uint8Array(new Decoder().decompress(buffer, byteOffset, byteLength));
});

const quiet = { print: () => {}, printErr: () => {} };

const loadJpegLs = once(async () => {
  const { default: load } = await import('@cornerstonejs/codec-charls/decode');
  return embind((await load(quiet)).JpegLSDecoder);
});

const loadJpeg2000 = once(async () => {
  const { default: load } = await import('@cornerstonejs/codec-openjpeg/decode');
  return embind((await load(quiet)).J2KDecoder);
});

const embind =
  (Decoder: new () => EmbindDecoder): Decode =>
  (frame) => {
    const decoder = new Decoder();
    try {
      decoder.getEncodedBuffer(frame.length).set(frame);
      decoder.decode();
      return Uint8Array.from(decoder.getDecodedBuffer()); // the module's memory is used again
    } finally {
      decoder.delete();
    }
  };

const swapBytes: Decode = (frame, { bytesPerPixel }) => {
  const swapped = frame.slice();
  for (let at = 0; at + bytesPerPixel <= swapped.length; at += bytesPerPixel)
    swapped.subarray(at, at + bytesPerPixel).reverse();
  return swapped;
};

const unpackRle: Decode = (frame, { pixels, bytesPerPixel }) => decodeRle(frame, pixels, bytesPerPixel);

export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const JPEG = '1.2.840.10008.1.2.4';
const SYNTAXES: Readonly<Record<string, TransferSyntax>> = {
  [IMPLICIT_LITTLE_ENDIAN]: { name: 'Implicit VR Little Endian' },
  [EXPLICIT_LITTLE_ENDIAN]: { name: 'Explicit VR Little Endian' },
  '1.2.840.10008.1.2.1.99': { name: 'Deflated Explicit VR Little Endian' },
  '1.2.840.10008.1.2.2': { name: 'Explicit VR Big Endian', load: async () => swapBytes },
  '1.2.840.10008.1.2.5': { name: 'RLE Lossless', load: async () => unpackRle },
  [`${JPEG}.57`]: { name: 'JPEG Lossless', load: loadJpegLossless },
  [`${JPEG}.70`]: { name: 'JPEG Lossless, first-order prediction', load: loadJpegLossless },
  [`${JPEG}.80`]: { name: 'JPEG-LS Lossless', load: loadJpegLs },
  [`${JPEG}.81`]: { name: 'JPEG-LS Near-Lossless', load: loadJpegLs },
  [`${JPEG}.90`]: { name: 'JPEG 2000 Lossless', load: loadJpeg2000 },
  [`${JPEG}.91`]: { name: 'JPEG 2000', load: loadJpeg2000 },
};

/** Names of what is not read, for the message. */
const REFUSED: Readonly<Record<string, string>> = {
  [`${JPEG}.50`]: 'JPEG Baseline',
  [`${JPEG}.51`]: 'JPEG Extended',
  [`${JPEG}.201`]: 'High-Throughput JPEG 2000 Lossless',
  [`${JPEG}.202`]: 'High-Throughput JPEG 2000 with RPCL Options Lossless',
  [`${JPEG}.203`]: 'High-Throughput JPEG 2000',
};

/** The name of a transfer syntax, or its UID where it has none here. */
export const syntaxName = (uid: string): string => SYNTAXES[uid]?.name ?? REFUSED[uid] ?? uid;

/** Whether the pixels are compressed frame by frame. */
export const isEncapsulated = (uid: string): boolean =>
  uid.startsWith(`${JPEG}.`) || uid === '1.2.840.10008.1.2.5';

/** What gives the stored values of frames. Throws InputError that names the file where nothing here does. */
export async function decoderOf(uid: string, name: string): Promise<Decode> {
  const syntax = SYNTAXES[uid];
  if (!syntax)
    throw new InputError(
      `${name}: its transfer syntax, ${syntaxName(uid)} (${uid}), is not read: decompress it`,
    );
  return (await syntax.load?.()) ?? ((frame) => frame);
}
