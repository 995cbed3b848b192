/** Transfer syntaxes: how the pixels of a DICOM file are stored, and what decodes them. */
import { InputError } from '@organseg/core/inputError.ts';
import { decodeRle } from './rle.ts';

export interface FrameFormat {
  readonly pixels: number;
  readonly bytesPerPixel: number;
}

/** Gives the stored values of a frame, little-endian. */
type Decode = (frame: Uint8Array<ArrayBuffer>, format: FrameFormat) => Promise<Uint8Array<ArrayBuffer>>;

interface TransferSyntax {
  readonly name: string;
  /** Undefined where the values are stored as they are. */
  readonly decode?: Decode;
}

const quiet = { print: () => {}, printErr: () => {} };

const jpegLossless: Decode = async (frame) => {
  const { Decoder } = await import('jpeg-lossless-decoder-js');
  return new Uint8Array(new Decoder().decompress(frame.buffer, frame.byteOffset, frame.byteLength));
};

/** Frames that an Emscripten module decodes, which is loaded for the first of them. */
function embind(load: () => Promise<new () => EmbindDecoder>): Decode {
  let loaded: Promise<new () => EmbindDecoder> | undefined;
  return async (frame) => {
    loaded ??= load();
    const decoder = new (await loaded)();
    try {
      decoder.getEncodedBuffer(frame.length).set(frame);
      decoder.decode();
      return decoder.getDecodedBuffer().slice() as Uint8Array<ArrayBuffer>; // the module's memory is used again
    } finally {
      decoder.delete();
    }
  };
}

const jpegLs = embind(async () => {
  const { default: load } = await import('@cornerstonejs/codec-charls/decode');
  return (await load(quiet)).JpegLSDecoder;
});

const jpeg2000 = embind(async () => {
  const { default: load } = await import('@cornerstonejs/codec-openjpeg/decode');
  return (await load(quiet)).J2KDecoder;
});

const bigEndian: Decode = async (frame, { bytesPerPixel }) => {
  const swapped = frame.slice();
  for (let at = 0; at + bytesPerPixel <= swapped.length; at += bytesPerPixel)
    swapped.subarray(at, at + bytesPerPixel).reverse();
  return swapped;
};

const rle: Decode = async (frame, { pixels, bytesPerPixel }) => decodeRle(frame, pixels, bytesPerPixel);

const JPEG = '1.2.840.10008.1.2.4';
const SYNTAXES: Readonly<Record<string, TransferSyntax>> = {
  '1.2.840.10008.1.2': { name: 'Implicit VR Little Endian' },
  '1.2.840.10008.1.2.1': { name: 'Explicit VR Little Endian' },
  '1.2.840.10008.1.2.1.99': { name: 'Deflated Explicit VR Little Endian' },
  '1.2.840.10008.1.2.2': { name: 'Explicit VR Big Endian', decode: bigEndian },
  '1.2.840.10008.1.2.5': { name: 'RLE Lossless', decode: rle },
  [`${JPEG}.57`]: { name: 'JPEG Lossless', decode: jpegLossless },
  [`${JPEG}.70`]: { name: 'JPEG Lossless, first-order prediction', decode: jpegLossless },
  [`${JPEG}.80`]: { name: 'JPEG-LS Lossless', decode: jpegLs },
  [`${JPEG}.81`]: { name: 'JPEG-LS Near-Lossless', decode: jpegLs },
  [`${JPEG}.90`]: { name: 'JPEG 2000 Lossless', decode: jpeg2000 },
  [`${JPEG}.91`]: { name: 'JPEG 2000', decode: jpeg2000 },
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
export function decoderOf(uid: string, name: string): Decode {
  const syntax = SYNTAXES[uid];
  if (!syntax)
    throw new InputError(
      `${name}: its transfer syntax, ${syntaxName(uid)} (${uid}), is not read: decompress it`,
    );
  return syntax.decode ?? (async (frame) => frame);
}
