/** Types of what is used of packages that bring none. */
declare module 'dcmjs' {
  export interface DicomElement {
    readonly vr: string;
    Value: unknown[];
    /** What the file holds, before it is understood. */
    readonly _rawValue?: unknown[];
  }
  export class DicomDict {
    constructor(meta: Record<string, DicomElement>);
    readonly meta: Record<string, DicomElement>;
    /** Elements by their tags, eight hexadecimal digits. */
    dict: Record<string, DicomElement>;
    write(options?: { allowInvalidVRLength?: boolean }): ArrayBuffer;
  }
  export const data: {
    readonly Colors: { rgb2DICOMLAB(rgb: readonly number[]): number[] };
    readonly DicomDict: typeof DicomDict;
    readonly DicomMessage: {
      readFile(
        buffer: ArrayBuffer,
        options?: { untilTag?: string; includeUntilTagValue?: boolean; ignoreErrors?: boolean },
      ): DicomDict;
    };
    readonly DicomMetaDictionary: {
      naturalizeDataset(dict: Record<string, DicomElement>): Record<string, unknown>;
      denaturalizeDataset(dataset: Record<string, unknown>): Record<string, DicomElement>;
    };
  };
  interface Logger {
    /** `keep`: for the next visit of a page, too. */
    setLevel(level: 'silent', keep: boolean): void;
  }
  export const log: Logger & { getLogger(name: string): Logger };
}

/** A decoder of the JPEG family as Emscripten built it. */
interface EmbindDecoder {
  getEncodedBuffer(bytes: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8Array;
  delete(): void;
}
interface EmbindOptions {
  print?: (line: string) => void;
  printErr?: (line: string) => void;
}

declare module '@cornerstonejs/codec-charls/decode' {
  const load: (options: EmbindOptions) => Promise<{ JpegLSDecoder: new () => EmbindDecoder }>;
  export default load;
}

declare module '@cornerstonejs/codec-openjpeg/decode' {
  const load: (options: EmbindOptions) => Promise<{ J2KDecoder: new () => EmbindDecoder }>;
  export default load;
}

declare module 'jpeg-lossless-decoder-js' {
  export class Decoder {
    decompress(buffer: ArrayBuffer, offset: number, length: number): ArrayBuffer;
  }
}
